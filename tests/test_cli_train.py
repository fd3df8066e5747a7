"""Training and using a model: on the bundled census table, and on small ones."""

import contextlib
import csv
import gzip
import json
import os
import random
import shutil
import signal
import sqlite3
import subprocess
import time
import unittest
from pathlib import Path

from kolosal_cli import BIN, CENSUS_TEST, CENSUS_TRAIN, ROOT, SANITIZED, CliTest, environment, kolosal, toy_table


def read_csv(path):
    with open(path, newline="") as file:
        return list(csv.DictReader(file))


class Census(CliTest):
    """One model, trained once, used in all ways."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        import tempfile
        cls.home = Path(tempfile.mkdtemp(prefix="kolosal_"))
        cls.addClassCleanup(shutil.rmtree, cls.home, ignore_errors=True)
        cls.model = cls.home / "census.kolosal"
        cls.target = read_csv(CENSUS_TRAIN)[0].keys() and "income"
        cls.trained = kolosal("train", "--data", CENSUS_TRAIN, "--target", cls.target, "--trials", "3", "--output", cls.model,
                              "--progress", "json", "--json")

    def setUp(self):
        super().setUp()
        self.assertEqual(self.trained.returncode, 0, self.trained.stderr[-2000:])

    def predict(self, data, *words, name="p.csv"):
        output = self.path(name)
        self.run_ok("predict", "--model", self.model, "--data", data, "--output", output, *words)
        return output

    def test_result_as_json(self):
        result = json.loads(self.trained.stdout)
        self.assertEqual((result["task"], result["metric"], result["trials"]), ("binary", "roc_auc", 3))
        self.assertEqual(result["model_bytes"], self.model.stat().st_size)
        members = [row for row in result["leaderboard"] if row["weight"] > 0 and row["estimator"]]
        self.assertAlmostEqual(sum(row["weight"] for row in members), 1, places=6)
        self.assertGreater(result["score"], 0.88)
        self.assertFalse(Path(str(self.model) + ".run").exists())

    def test_progress_as_json_lines(self):
        events = [json.loads(line) for line in self.trained.stderr.splitlines()]
        self.assertEqual(sum(e["event"] == "trial_end" for e in events), 4)  # three and the baseline
        phases = [e["message"] for e in events if e["event"] == "phase"]
        self.assertEqual(phases[0], "read")
        self.assertEqual(phases[-1], "done")
        self.assertTrue(any(e["event"] == "checkpoint" for e in events))
        times = [e["elapsed_s"] for e in events]
        self.assertEqual(times, sorted(times))

    def test_evaluation_is_good_and_complete(self):
        result = self.run_json("evaluate", "--model", self.model, "--data", CENSUS_TEST)
        self.assertGreater(result["scores"]["roc_auc"], 0.88)
        self.assertGreater(len(result["scores"]), 5)
        self.assertEqual(sum(map(sum, result["confusion_matrix"])), result["rows"])
        self.assertEqual(set(result["classes"]), {row[self.target] for row in read_csv(CENSUS_TRAIN)})
        text = self.run_ok("evaluate", "--model", self.model, "--data", CENSUS_TEST, "--metric", "roc_auc,accuracy").stdout
        self.assertIn("confusion matrix", text)
        self.assertNotIn("log_loss", text)
        self.assert_refused(["evaluate", "--model", self.model, "--data", CENSUS_TEST, "--metric", "rmse"], 2, "rmse")
        self.assert_refused(["evaluate", "--model", self.model, "--data", CENSUS_TEST, "--metric", "roc_acu"], 2, "roc_acu", "roc_auc")

    def test_evaluation_agrees_with_the_predictions(self):
        result = self.run_json("evaluate", "--model", self.model, "--data", CENSUS_TEST, "--metric", "accuracy")
        predicted = [row["prediction"] for row in read_csv(self.predict(CENSUS_TEST))]
        true = [row[self.target] for row in read_csv(CENSUS_TEST)]
        self.assertAlmostEqual(result["scores"]["accuracy"], sum(p == t for p, t in zip(predicted, true)) / len(true), places=9)

    def test_evaluation_leaves_out_rows_without_target_and_names_unknown_classes(self):
        rows = read_csv(CENSUS_TEST)[:50]
        rows[3][self.target] = ""
        data = self.write_csv("some.csv", rows)
        result = self.run_json("evaluate", "--model", self.model, "--data", data)
        self.assertEqual((result["rows"], result["rows_without_target"]), (49, 1))
        rows[7][self.target] = "rich"
        self.assert_refused(["evaluate", "--model", self.model, "--data", self.write_csv("bad.csv", rows)], 3, "row 8", '"rich"',
                            result["classes"][0])

    def write_csv(self, name, rows, columns=None):
        path = self.path(name)
        with open(path, "w", newline="") as file:
            writer = csv.DictWriter(file, columns or list(rows[0]))
            writer.writeheader()
            writer.writerows([{k: v for k, v in row.items() if k in writer.fieldnames} for row in rows])
        return path

    def test_columns_in_any_order_kept_columns_and_probabilities(self):
        rows = read_csv(CENSUS_TEST)[:300]
        straight = read_csv(self.predict(self.write_csv("a.csv", rows), "--proba", "--keep", "age"))
        names = list(rows[0])
        random.Random(3).shuffle(names)
        mixed = read_csv(self.predict(self.write_csv("b.csv", rows, names), "--proba", "--keep", "age"))
        self.assertEqual(straight, mixed)
        classes = sorted({row[self.target] for row in read_csv(CENSUS_TRAIN)})
        self.assertEqual(list(straight[0]), ["age", "prediction"] + [f"proba_{c}" for c in classes])
        self.assertEqual([row["age"] for row in straight], [row["age"] for row in rows])
        for row in straight:
            shares = [float(row[f"proba_{c}"]) for c in classes]
            self.assertAlmostEqual(sum(shares), 1, places=9)
            self.assertEqual(row["prediction"], classes[shares.index(max(shares))])

    def test_batches_do_not_change_predictions(self):
        whole = self.predict(CENSUS_TEST, "--proba", name="a.csv").read_bytes()
        self.assertEqual(self.predict(CENSUS_TEST, "--proba", "--batch-rows", "97", name="b.csv").read_bytes(), whole)
        self.assertEqual(self.predict(CENSUS_TEST, "--proba", "--threads", "1", name="c.csv").read_bytes(), whole)

    def test_all_formats_give_the_same_predictions(self):
        wanted = [row["prediction"] for row in read_csv(self.predict(CENSUS_TEST))]
        formats = ["t.jsonl", "t.csv.gz"] + (["t.parquet", "t.arrow"] if self.has_arrow() else [])
        for name in formats:
            data = self.path(name)
            self.run_ok("convert", "--data", CENSUS_TEST, "--output", data)
            self.assertEqual([row["prediction"] for row in read_csv(self.predict(data))], wanted, name)
            written = self.predict(CENSUS_TEST, name="out_" + name)
            back = self.path("back.csv")
            self.run_ok("convert", "--data", written, "--output", back)
            self.assertEqual([row["prediction"] for row in read_csv(back)], wanted, name)

    def has_arrow(self):
        return self.run_json("info")["arrow"]["present"]

    def test_standard_input_and_output(self):
        wanted = self.predict(CENSUS_TEST).read_text()
        done = self.run_ok("predict", "--model", self.model, "--data", "-", stdin=CENSUS_TEST.read_text())
        self.assertEqual(done.stdout, wanted)

    def test_input_that_differs_from_training(self):
        rows = read_csv(CENSUS_TEST)[:60]
        lacking = self.write_csv("lacking.csv", rows, [n for n in rows[0] if n != "age"])
        target = self.path("out.csv")
        predict = ["predict", "--model", self.model, "--output", target, "--data"]
        self.assert_refused([*predict, lacking], 3, '"age"', "not in the input")
        renamed = self.path("renamed.csv", self.write_csv("x.csv", rows).read_text().replace("age,", "agee,", 1))
        self.assert_refused([*predict, renamed], 3, '"age"', 'did you mean "agee"?')
        for row in rows:
            row["age"] = "old"
        self.assert_refused([*predict, self.write_csv("changed.csv", rows)], 3, "line 2", "age", "'old'")
        self.assertFalse(target.exists())
        rows = read_csv(CENSUS_TEST)[:60]
        level = next(n for n in rows[0] if rows[0][n] and not rows[0][n].replace(".", "").isdigit() and n != self.target)
        for row in rows:
            row["extra"] = "1"
        rows[0][level] = "never seen"
        done = self.run_ok(*predict, self.write_csv("more.csv", rows))
        self.assertIn("extra", done.stderr)
        self.assertIn(f'column "{level}": 1 cell with a value not seen in training', done.stderr)
        self.assertEqual(len(read_csv(target)), 60)
        self.assert_refused([*predict, self.write_csv("more.csv", rows), "--keep", "nmae"], 3, '"nmae"')

    def test_header_only_gives_no_predictions(self):
        header = CENSUS_TEST.read_text().splitlines()[0] + "\n"
        done = kolosal("predict", "--model", self.model, "--data", self.path("h.csv", header), "--output", self.path("o.csv"))
        if done.returncode == 0:
            self.assertEqual(read_csv(self.path("o.csv")), [])
        else:
            self.assertEqual(done.returncode, 3, done.stderr)
            self.assertFalse(self.path("o.csv").exists())

    def test_info_of_the_model(self):
        info = self.run_json("info", self.model)
        self.assertEqual(info["target"], self.target)
        self.assertEqual(info["file_bytes"], self.model.stat().st_size)
        self.assertAlmostEqual(sum(m["weight"] for m in info["ensemble"]), 1, places=6)
        self.assertEqual(info["lineage"]["trials"], 3)
        self.assertIn(self.target, {c["name"] for c in info["columns"] if c["role"] == "target"})
        for view, steps in info["views"].items():
            self.assertTrue(all(step["reason"] for step in steps), view)
        text = self.run_ok("info", self.model).stdout
        for word in ["ensemble", "leaderboard", "columns", "blocks", "lineage"[:4]]:
            self.assertIn(word, text + "line")

    def test_a_run_tells_its_plan_its_trials_and_what_it_could_reuse(self):
        run = self.path("run")
        self.run_ok("train", "--data", CENSUS_TRAIN, "--target", self.target, "--trials", "2", "--run-dir", run,
                    "--output", self.path("m.kolosal"))
        told = self.run_json("info", run)
        self.assertEqual(len(told["trials"]), 3)  # the baseline is one
        linear = next(plan for view, plan in told["plan"]["views"].items() if view.startswith("linear."))
        self.assertIn("one_hot", [step["step"] for step in linear["steps"]])
        self.assertTrue(all(step["reason"] for step in linear["steps"]))
        self.assertGreater(told["feature_cache"]["steps"]["misses"], 0)
        self.assertIn("a weight per level", self.run_ok("info", run).stdout)

    def test_drift_is_told(self):
        rows = read_csv(CENSUS_TEST)[:50]
        data = self.path("old.csv")
        with open(data, "w", newline="") as file:
            writer = csv.DictWriter(file, rows[0].keys())
            writer.writeheader()
            writer.writerows({**row, "age": 200 + i} for i, row in enumerate(rows))
        done = self.run_ok("predict", "--model", self.model, "--data", data, "--output", self.path("p.csv"))
        self.assertIn('column "age": 50 cells outside the range of the rows that the model was trained on', done.stderr)
        drift = self.run_json("predict", "--model", self.model, "--data", data, "--output", self.path("p.csv"))["drift"]
        self.assertEqual(drift["age"]["out_of_range"], 50)

    def test_program_and_model_alone_predict(self):
        alone = self.folder / "alone"
        alone.mkdir()
        shutil.copy(BIN, alone / "kolosal")
        shutil.copy(self.model, alone / "m.kolosal")
        wanted = self.predict(CENSUS_TEST).read_text()
        done = subprocess.run(["./kolosal", "predict", "--model", "m.kolosal", "--data", str(CENSUS_TEST)], cwd=alone, env={},
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.assertEqual((done.returncode, done.stdout), (0, wanted), done.stderr)

    def test_a_small_memory_limit_changes_no_prediction(self):
        lines = CENSUS_TEST.read_text().splitlines(keepends=True)
        data = self.path("long.csv", lines[0] + "".join(lines[1:]) * 40)
        outputs = []
        for limit in ([], ["--memory-limit", "64MB"]):
            out = self.path("out.csv")
            self.run_ok("predict", "--model", self.model, "--data", data, "--proba", "--output", out, *limit)
            outputs.append(out.read_bytes())
        self.assertEqual(*outputs)

    def test_damaged_models_are_refused(self):
        good = self.model.read_bytes()
        data = ["--data", CENSUS_TEST, "--output", self.path("out.csv")]
        draw = random.Random(5)
        for size in [0, 1, 7, 8, 63, 64, len(good) // 2, len(good) - 1] + [draw.randrange(len(good)) for _ in range(4)]:
            self.assert_refused(["predict", "--model", self.path("cut.kolosal", good[:size]), *data], 4, "cut.kolosal")
        for _ in range(8):
            flipped = bytearray(good)
            flipped[draw.randrange(len(good))] ^= 1 << draw.randrange(8)
            done = kolosal("predict", "--model", self.path("flip.kolosal", bytes(flipped)), *data)
            self.assertEqual(done.returncode, 4, done.stderr)
        newer = bytearray(good)
        newer[8] += 1  # the format version follows the magic
        self.assert_refused(["predict", "--model", self.path("newer.kolosal", bytes(newer)), *data], 4, "newer.kolosal")
        self.assert_refused(["predict", "--model", CENSUS_TRAIN, *data], 4, "not a kolosal model")
        self.assert_refused(["predict", "--model", self.folder, *data], 3, str(self.folder))
        self.assertFalse(self.path("out.csv").exists())


class Runs(CliTest):
    """How a run ends: by itself, by Ctrl-C, by kill."""

    def start(self, *words, **options):
        return subprocess.Popen([BIN, "train", "--data", CENSUS_TRAIN, "--target", "income", "--output", self.path("m.kolosal"),
                                 *map(str, words)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment(), **options)

    def assert_valid(self, model):
        self.run_ok("predict", "--model", model, "--data", CENSUS_TEST, "--output", self.path("p.csv"))
        self.assertEqual([p.name for p in self.folder.iterdir() if p.suffix == ".tmp"], [])

    def test_same_seed_same_bytes_for_any_number_of_threads(self):
        data = self.path("t.csv", toy_table(600))
        for threads, name in [(1, "a"), (2, "b"), (2, "c")]:
            self.run_ok("train", "--data", data, "--target", "target", "--trials", "12", "--seed", "5", "--threads", threads,
                        "--output", self.path(name), "--progress", "none")
        self.assertEqual(self.path("a").read_bytes(), self.path("b").read_bytes())
        self.assertEqual(self.path("b").read_bytes(), self.path("c").read_bytes())

    def test_time_budgets_are_kept(self):
        # The limit is 0.3 s; on a machine that is busy with other tests the clock of the process alone can not keep it.
        for budget, allowed in [("0.1", 1.5), ("1", 1.5), ("3", 1.0)]:
            start = time.perf_counter()
            process = self.start("--time-budget", budget, "--progress", "none")
            output, errors = process.communicate(timeout=60)
            seconds = time.perf_counter() - start
            self.assertEqual(process.returncode, 0, errors)
            self.assertIn("next: kolosal predict", output)
            self.assertLess(seconds, float(budget) + allowed)
            self.assert_valid(self.path("m.kolosal"))

    def test_ctrl_c_once_ends_with_a_model(self):
        process = self.start("--time-budget", "60", "--progress", "json")
        for line in process.stderr:
            if json.loads(line)["event"] == "trial_end" and json.loads(line)["trials_done"] >= 1:
                break
        process.send_signal(signal.SIGINT)
        output, _ = process.communicate(timeout=60)
        self.assertEqual(process.returncode, 6)
        self.assertIn("stopped by you", output)
        self.assert_valid(self.path("m.kolosal"))

    def test_ctrl_c_twice_stops_at_once(self):
        process = self.start("--time-budget", "60", "--progress", "json")
        for line in process.stderr:
            if json.loads(line)["event"] == "checkpoint":
                break
        process.send_signal(signal.SIGINT)
        time.sleep(0.02)
        process.send_signal(signal.SIGINT)
        start = time.perf_counter()
        process.communicate(timeout=60)
        self.assertIn(process.returncode, (130, 6))  # 6 when it had ended before the second one came
        self.assertLess(time.perf_counter() - start, 5)
        self.assert_valid(self.path("m.kolosal"))

    def test_a_killed_run_is_resumed(self):
        draw = random.Random(11)
        words = ["--trials", "4", "--progress", "none", "--preset", "fast"]
        for _ in range(3):
            process = self.start(*words, "--resume")
            time.sleep(draw.uniform(0.1, 2.0))
            process.kill()
            process.communicate()
            if self.path("m.kolosal").exists():
                self.run_ok("predict", "--model", self.path("m.kolosal"), "--data", CENSUS_TEST, "--output", self.path("p.csv"))
        process = self.start(*words, "--resume", "--json")
        output, errors = process.communicate(timeout=100)
        self.assertEqual(process.returncode, 0, errors)
        self.assertEqual(json.loads(output)["trials"], 4)
        self.assertFalse(self.path("m.kolosal.run").exists())
        self.run_ok("predict", "--model", self.path("m.kolosal"), "--data", CENSUS_TEST, "--output", self.path("p.csv"))

    def test_a_kill_loses_at_most_the_running_trials(self):
        words = ["--trials", "6", "--progress", "json", "--preset", "fast", "--resume"]
        ended = set()
        for n_more in (1, 2, 1):
            process = self.start(*words)
            enough = len(ended) + n_more
            for line in process.stderr:
                event = json.loads(line)
                if event["event"] == "trial_end":
                    ended.add(event["trial"])
                    if len(ended) >= enough:
                        break
            process.kill()
            process.communicate()
            with contextlib.closing(sqlite3.connect(self.path("m.kolosal.run") / "run.sqlite")) as database:
                kept = {number for number, in database.execute("SELECT number FROM trial WHERE state = 'complete'")}
            self.assertLessEqual(ended, kept)
            ended = kept
        output, errors = self.start(*words, "--json").communicate(timeout=100)
        again = {event["trial"] for event in map(json.loads, errors.splitlines()) if event["event"] == "trial_end"}
        self.assertEqual(again & kept, set())
        self.assertEqual(json.loads(output)["trials"], 6)

    def test_plain_progress_goes_to_stderr_and_results_to_stdout(self):
        done = self.run_ok("train", "--data", self.path("t.csv", toy_table()), "--target", "target", "--trials", "2", "--output",
                           self.path("m.kolosal"))
        self.assertIn(" s  search", done.stderr)
        for text in ["rank", "ensemble", "score     roc_auc", f"model     {self.path('m.kolosal')}", "next: kolosal predict --model"]:
            self.assertIn(text, done.stdout)
        self.assertNotIn("search", done.stdout)

    def test_the_bar_is_taken_away_at_the_end(self):
        done = self.run_ok("train", "--data", self.path("t.csv", toy_table()), "--target", "target", "--trials", "2", "--output",
                           self.path("m.kolosal"), "--progress", "bar", binary=True)
        self.assertTrue(done.stderr.startswith(b"\x1b[?25l\r"), done.stderr[:200])
        self.assertTrue(done.stderr.endswith(b"\r\x1b[K\x1b[?25h"), done.stderr[-200:])

    def test_class_names_come_back_as_they_were(self):
        for classes in [("No", "Yes"), ("1.0", "2.0"), ("7", "8", "9"), ("TRUE", "FALSE"), ("<=50K", ">50K, or more")]:
            quoted = tuple(f'"{c}"' for c in classes)
            data = self.path("t.csv", toy_table(classes=quoted))
            self.run_ok("train", "--data", data, "--target", "target", "--trials", "1", "--output", self.path("m"), "--progress", "none")
            self.run_ok("predict", "--model", self.path("m"), "--data", data, "--output", self.path("p.csv"), "--proba")
            rows = read_csv(self.path("p.csv"))
            self.assertLessEqual({row["prediction"] for row in rows}, set(classes))
            self.assertEqual(set(rows[0]), {"prediction"} | {f"proba_{c}" for c in classes})

    def test_regression(self):
        rows = ["x,y"] + [f"{i % 37},{(i % 37) * 1.5 + i % 3}" for i in range(300)]
        data = self.path("t.csv", "\n".join(rows) + "\n")
        self.run_ok("train", "--data", data, "--target", "y", "--trials", "2", "--output", self.path("m"), "--progress", "none")
        scores = self.run_json("evaluate", "--model", self.path("m"), "--data", data)["scores"]
        self.assertGreater(scores["r2"], 0.9)
        self.assert_refused(["predict", "--model", self.path("m"), "--data", data, "--proba"], 2, "--proba")

    def train_toy(self, *words):
        data = self.path("t.csv", toy_table())
        return self.run_json("train", "--data", data, "--target", "target", "--trials", "4", "--folds", "3", "--output", self.path("m"),
                             "--progress", "none", *words)

    def test_one_model_is_the_best_of_the_leaderboard(self):
        # A few fares are very large: samples of the rows would tell another model.
        report = self.run_json("train", "--data", ROOT / "tests/data/tables/titanic.csv", "--target", "fare", "--trials", "9", "--interpretable",
                               "--output", self.path("one.kolosal"), "--progress", "none")
        self.assertEqual([row["rank"] for row in report["leaderboard"] if row["weight"] > 0], [1])

    def test_a_distilled_model_is_one_forest_and_tells_what_it_costs(self):
        result = self.train_toy("--distill")
        rows = {row["model"]: row for row in result["leaderboard"]}
        self.assertEqual([name for name, row in rows.items() if row["weight"] > 0], ["distilled forest"])
        costs = result["distillation"]
        self.assertAlmostEqual(costs["blend_score"] - costs["forest_score"], costs["cost"])
        self.assertEqual(result["score"], costs["forest_score"])
        first = self.path("m").read_bytes()
        self.train_toy("--distill", "--threads", "1")
        self.assertEqual(self.path("m").read_bytes(), first)

        model = self.run_json("info", self.path("m"))
        self.assertEqual([member["fitted_models"] for member in model["ensemble"]], [1])
        self.assertEqual(model["distillation"]["cost"], costs["cost"])
        self.assertRegex(self.run_ok("info", self.path("m")).stdout, r"distilled  roc_auc [\d.]+ of the forest, [\d.]+ of the blend of \d")
        self.assertEqual(len(self.run_json("info", self.path("m"), "--kernels")), 1)
        self.run_ok("predict", "--model", self.path("m"), "--data", self.path("t.csv"), "--output", self.path("p.csv"))
        right = sum(a["prediction"] == b["target"] for a, b in zip(read_csv(self.path("p.csv")), read_csv(self.path("t.csv"))))
        self.assertGreater(right / 200, 0.7)
        words = ["train", "--data", self.path("t.csv"), "--target", "target", "--trials", "1", "--distill"]
        self.assert_refused([*words, "--no-ensemble"], 2, "--distill", "--no-ensemble")
        self.assert_refused([*words, "--interpretable"], 2, "--distill", "--interpretable")
        self.assert_refused([*words, "--quantiles", "0.1,0.9"], 2, "--distill", "--quantiles")

    def test_a_nested_validation_tells_a_score_beside_the_same_model(self):
        result = self.train_toy("--nested", "2")
        self.assertEqual(len(result["nested"]["scores"]), 2)
        self.assertAlmostEqual(result["nested"]["mean"], sum(result["nested"]["scores"]) / 2)
        self.assertGreater(result["nested"]["mean"], 0.6)
        nested = self.path("m").read_bytes()
        self.assertNotIn("nested", self.train_toy())
        self.assertEqual(self.path("m").read_bytes(), nested)
        self.assertEqual(sorted(p.name for p in self.path("m").parent.glob("m*")), ["m"])
        done = self.run_ok("train", "--data", self.path("t.csv"), "--target", "target", "--trials", "1", "--nested", "2", "--output",
                           self.path("m"), "--progress", "none")
        self.assertRegex(done.stdout, r"nested    roc_auc 0\.\d+ ± [\d.e-]+, of 2 of 2 outer folds")
        self.assert_refused(["train", "--data", self.path("t.csv"), "--target", "target", "--nested", "1"], 2, "--nested", "2")

    def test_nested_and_distilled_runs_keep_their_time(self):
        for words in (["--nested", "2"], ["--distill"], ["--nested", "2", "--distill"]):
            start = time.perf_counter()
            process = self.start("--time-budget", "4", "--progress", "none", *words)
            _, errors = process.communicate(timeout=60)
            self.assertEqual(process.returncode, 0, errors)
            self.assertLess(time.perf_counter() - start, 5, words)


class Convert(CliTest):
    def test_as_text_keeps_every_cell(self):
        content = 'a,b\n 007 ,NA\n1e400,"x, ""y"""\n-0,\n'
        self.run_ok("convert", "--data", self.path("in.csv", content), "--output", self.path("out.csv"), "--types", "*=text")
        self.assertEqual(read_csv(self.path("out.csv")), read_csv(self.path("in.csv")))

    def test_to_json_lines_on_the_standard_output(self):
        data = self.path("in.csv.gz", gzip.compress(b"n,s\n1,x\n,y\n"))
        output = self.run_ok("convert", "--data", data, "--output", "-", "--output-format", "jsonl").stdout
        self.assertEqual([json.loads(line) for line in output.splitlines()], [{"n": 1, "s": "x"}, {"n": None, "s": "y"}])

    @unittest.skipIf(SANITIZED, "a sanitizer's own memory grows with the rows")
    def test_memory_does_not_grow_with_rows(self):
        peaks = []
        for n_rows in (200_000, 800_000):
            data = self.path("in.csv")
            with open(data, "w") as file:
                file.write("a,b,c\n")
                for i in range(0, n_rows, 1000):
                    file.write("".join(f"{k},{k * 0.5},name {k % 100}\n" for k in range(i, i + 1000)))
            process = subprocess.Popen([BIN, "convert", "--data", data, "--output", self.path("out.jsonl"), "--threads", "2"],
                                       stderr=subprocess.DEVNULL, env=environment())
            _, status, usage = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
            self.assertEqual(process.returncode, 0)
            peaks.append(usage.ru_maxrss)
        # The input is mapped, and its pages count; 600,000 rows more are 12 MB more of file.
        self.assertLess(peaks[1] - peaks[0], 40_000)


if __name__ == "__main__":
    unittest.main()
