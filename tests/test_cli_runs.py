"""What is kept of runs, and kolosal runs."""

import csv
import json
import signal
import sqlite3
import subprocess
import unittest
from pathlib import Path

from kolosal_cli import BIN, CENSUS_TRAIN, CliTest, environment, toy_table


class Runs(CliTest):
    def setUp(self):
        super().setUp()
        self.home = self.path("home")
        self.env = environment(KOLOSAL_HOME=str(self.home))

    def train(self, *words, output="m.kolosal", trials="2"):
        data = self.path("toy.csv", toy_table())
        return self.run_json("train", "--data", data, "--target", "target", "--trials", trials, "--output", self.path(output),
                             "--progress", "none", *words, env=self.env)

    def runs(self, *words):
        return self.run_json("runs", *words, env=self.env)

    def test_a_run_is_kept_shown_compared_exported_and_deleted(self):
        first = self.train("--seed", "1", output="a.kolosal")
        second = self.train("--seed", "2", output="b.kolosal")
        listed = self.runs("list")
        self.assertEqual([run["id"] for run in listed], [second["run"], first["run"]])
        self.assertEqual([run["state"] for run in listed], ["done", "done"])
        self.assertFalse(self.path("a.kolosal.run").exists())

        run = self.runs("show", first["run"][:6])
        self.assertEqual(run["options"]["seed"], 1)
        self.assertEqual(run["data"]["rows"], 200)
        self.assertEqual(run["data"]["name"], "toy.csv")
        self.assertEqual(run["artifact"], {**run["artifact"], "path": str(self.path("a.kolosal")), "bytes": first["model_bytes"]})
        self.assertEqual(len(run["trials"]), 3)
        self.assertTrue(all(len(trial["fold_scores"]) > 1 for trial in run["trials"]))
        self.assertGreater(run["resources"]["peak_memory_bytes"], 1e6)
        text = self.run_ok("runs", "show", "last", env=self.env).stdout
        for word in [second["run"], "toy.csv", "base steps", "lightgbm fast", "what happened", "checkpoint"]:
            self.assertIn(word, text)

        comparison = self.runs("compare", first["run"], "last")
        self.assertEqual(comparison["runs"], [first["run"], second["run"]])
        rows = {row["what"]: row for row in comparison["rows"]}
        self.assertTrue(rows["seed"]["differs"])
        self.assertEqual(rows["seed"]["values"], [1, 2])
        self.assertFalse(rows["data hash"]["differs"])
        self.assertIn("* differs", self.run_ok("runs", "compare", first["run"], "last", env=self.env).stdout)

        exported = json.loads(self.run_ok("runs", "export", first["run"], env=self.env).stdout)
        self.assertEqual(exported["id"], first["run"])
        self.run_ok("runs", "export", first["run"], "last", "--output", self.path("t.csv"), env=self.env)
        with open(self.path("t.csv"), newline="") as file:
            trials = list(csv.DictReader(file))
        self.assertEqual(len(trials), 6)
        self.assertEqual(float(trials[1]["score"]), run["trials"][1]["score"])
        self.run_ok("runs", "export", first["run"], "--output", self.path("r.sqlite"), env=self.env)
        with sqlite3.connect(self.path("r.sqlite")) as database:
            self.assertEqual(database.execute("SELECT count(*) FROM trial").fetchone(), (3,))

        self.run_ok("runs", "delete", first["run"], env=self.env)
        self.assertEqual([run["id"] for run in self.runs("list")], [second["run"]])
        self.assertTrue(self.path("a.kolosal").exists())
        self.path("b.kolosal").unlink()
        self.assertIn("no longer there", self.run_ok("runs", "show", "last", env=self.env).stdout)

    def test_nothing_is_kept_when_that_is_asked_for(self):
        self.train("--no-history")
        self.env["KOLOSAL_NO_HISTORY"] = "1"
        self.train()
        self.assertFalse(self.home.exists())
        self.assert_refused(["runs", "show", "last"], 3, "there are no runs in", env=self.env)
        self.assertEqual(self.runs("list"), [])

    def test_where_runs_are_kept_follows_the_standard(self):
        env = {**self.env, "XDG_DATA_HOME": str(self.path("xdg")), "HOME": str(self.path("user"))}
        del env["KOLOSAL_HOME"]
        self.env = env
        self.train()
        self.assertEqual(len(list(self.path("xdg/kolosal/runs").glob("*.sqlite"))), 1)
        del env["XDG_DATA_HOME"]
        self.train()
        self.assertEqual(len(list(self.path("user/.local/share/kolosal/runs").glob("*.sqlite"))), 1)
        del env["HOME"]
        self.train()
        self.assert_refused(["runs", "list"], 3, "no home folder", "--home", env=env)

    def test_a_home_that_can_not_be_written_is_a_note(self):
        self.home.write_text("a file")
        data = self.path("toy.csv", toy_table())
        done = self.run_ok("train", "--data", data, "--target", "target", "--trials", "1", "--output", self.path("m.kolosal"),
                           "--progress", "plain", env=self.env)
        self.assertIn("what this run does is not kept", done.stderr)
        self.assertTrue(self.path("m.kolosal").exists())

    def test_names_that_are_none_are_answered(self):
        run = self.train()["run"]
        wrong = ("0" if run[-1] != "0" else "1") + run[1:-1] + ("0" if run[-1] != "0" else "1")
        self.assert_refused(["runs", "show", run[:-1] + "x"], 3, "there is no run", f"did you mean {run}?", env=self.env)
        self.assert_refused(["runs", "show", "nonsense"], 3, "there is no run", run, env=self.env)
        self.assert_refused(["runs", "show"], 2, "needs the id of a run", env=self.env)
        self.assert_refused(["runs", "show", run, run], 2, "takes one run", env=self.env)
        self.assert_refused(["runs", "compare", run], 2, "ids of 2 runs", env=self.env)
        self.assert_refused(["runs", "shwo"], 2, "list, show, compare, export, delete, sync", env=self.env)
        self.assert_refused(["runs", "delete", wrong], 3, "there is no run", env=self.env)
        self.assertEqual(len(self.runs("list")), 1)

    def test_a_killed_run_is_known_and_one_that_is_resumed_is_the_same(self):
        words = ["train", "--data", CENSUS_TRAIN, "--target", "income", "--output", self.path("m.kolosal"), "--progress", "json"]
        process = subprocess.Popen([BIN, *words, "--trials", "60"], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, env=self.env)
        ended = 0
        for line in process.stderr:
            ended += json.loads(line)["event"] == "trial_end"
            if ended == 2:
                break
        running = self.runs("list")
        self.assertEqual([run["state"] for run in running], ["running"])
        self.assert_refused(["runs", "delete", "last"], 2, "still running", env=self.env)
        process.send_signal(signal.SIGKILL)
        process.wait()
        process.stderr.close()
        killed = self.runs("show", "last")
        self.assertEqual(killed["state"], "killed")
        self.assertGreaterEqual(len(killed["trials"]), 2)
        self.assertIn("--resume", self.run_ok("runs", "show", "last", env=self.env).stdout)
        self.run_ok(*words, "--trials", "3", "--resume", env=self.env)
        again = self.runs("list")
        self.assertEqual([(run["id"], run["state"]) for run in again], [(killed["id"], "done")])

    def test_a_nested_validation_that_is_killed_goes_on_with_the_scores_it_has(self):
        words = ["train", "--data", self.path("toy.csv", toy_table()), "--target", "target", "--output", self.path("m.kolosal"),
                 "--progress", "json", "--trials", "3", "--nested", "4"]
        process = subprocess.Popen([BIN, *words], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, env=self.env)
        for line in process.stderr:
            if "outer fold 2 of 4" in json.loads(line).get("message", ""):
                break
        process.send_signal(signal.SIGKILL)
        process.wait()
        process.stderr.close()
        killed = self.runs("show", "last")
        self.assertEqual(killed["state"], "killed")
        scores = killed["nested"]["scores"]
        self.assertTrue(all(isinstance(score, float) for score in scores[:2]), scores)
        self.assertRegex(self.run_ok("runs", "show", "last", env=self.env).stdout, r"nested     roc_auc [\d.]+ ± [\d.e-]+, of \d of 4")
        self.assert_refused([*words[:-1], "3", "--resume"], 3, "--nested is 3 now and was 4", env=self.env)
        self.run_ok(*words, "--resume", env=self.env)
        done = self.runs("show", "last")
        self.assertEqual((done["id"], done["state"]), (killed["id"], "done"))
        self.assertEqual(done["nested"]["scores"][:2], scores[:2])
        self.assertTrue(all(isinstance(score, float) for score in done["nested"]["scores"]), done["nested"])
        self.assertEqual(done["result"]["nested"], done["nested"])
        self.assertIn("nested score", self.run_ok("runs", "compare", done["id"], done["id"], env=self.env).stdout)
        self.assertFalse(self.path("m.kolosal.run").exists())

    def test_a_resumed_run_that_names_other_options_is_refused(self):
        one, two = self.train(output="one.kolosal")["run"], self.train("--seed", "1", output="two.kolosal")["run"]
        words = ["--run-dir", self.path("kept"), "--ignore", "colour"]
        self.train(*words, "--warm-start", one)
        again = ["train", "--data", self.path("toy.csv"), "--target", "target", "--trials", "3", "--output", self.path("m.kolosal"),
                 "--resume", "--progress", "none", *words[:2]]
        whole = [*again, *words[2:], "--warm-start"]
        self.assert_refused([*whole, two], 3, f"--warm-start {one}", two, env=self.env)
        self.assert_refused(whole[:-1], 3, "--warm-start is not set now", env=self.env)
        self.assert_refused([*whole, one, "--seed", "3"], 3, "--seed is 3 now and was 0", env=self.env)
        self.assert_refused([*again, "--warm-start", one], 3, "--ignore is not set now", env=self.env)
        self.assertEqual(self.run_json(*whole, one, "--preset", "fast", env=self.env)["trials"], 3)  # what may change

    def test_a_run_that_is_stopped_is_kept(self):
        words = ["train", "--data", CENSUS_TRAIN, "--target", "income", "--output", self.path("m.kolosal"), "--progress", "json"]
        process = subprocess.Popen([BIN, *words, "--trials", "60"], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, env=self.env)
        for line in process.stderr:
            if json.loads(line)["event"] == "trial_end":
                break
        process.send_signal(signal.SIGINT)
        process.stderr.read()
        self.assertEqual(process.wait(), 6)
        process.stderr.close()
        self.assertEqual([run["state"] for run in self.runs("list")], ["stopped"])

    def test_a_run_starts_warm_from_another(self):
        first = self.train("--seed", "1", output="a.kolosal", trials="4")
        events = self.path("toy.csv")

        def warm(word, output, *more):
            done = self.run_ok("train", "--data", events, "--target", "target", "--trials", "3", "--output", self.path(output), "--progress",
                               "json", "--no-history", "--warm-start", word, *more, env=self.env)
            return [json.loads(line) for line in done.stderr.splitlines()]

        told = warm("auto", "b.kolosal")
        notes = [event["message"] for event in told if event["event"] == "note"]
        self.assertTrue(any(note.startswith(f"warm start from run {first['run']} (target of toy.csv") for note in notes), notes)
        started = [event["message"] for event in told if event["event"] == "trial_start"]
        best = next(row["model"] for row in first["leaderboard"] if row["estimator"] not in ("", "constant"))
        self.assertIn(best, started[:3])  # after the baseline and the first entry
        warm("auto", "c.kolosal")
        self.assertEqual(self.path("b.kolosal").read_bytes(), self.path("c.kolosal").read_bytes())
        warm(first["run"][:5], "d.kolosal")
        self.assertEqual(self.run_json("info", self.path("d.kolosal"))["lineage"]["warm_start"], [first["run"]])

        told = warm("last", "e.kolosal", "--exclude-models", "lightgbm")
        skipped = [event for event in told if event["event"] == "trial_skipped"]
        self.assertTrue(skipped and all("excluded" in event["note"] for event in skipped), skipped)
        words = ["train", "--data", events, "--target", "target", "--trials", "1", "--output", self.path("f.kolosal"), "--warm-start"]
        self.assert_refused([*words, "nonsense"], 3, 'there is no run "nonsense"', first["run"], env=self.env)
        self.env["KOLOSAL_HOME"] = str(self.path("empty"))
        self.assert_refused([*words, "last"], 3, "there are no runs in", env=self.env)
        self.assertTrue(any("no earlier run" in event["message"] for event in warm("auto", "f.kolosal") if event["event"] == "note"))

    def test_a_trial_is_shown_round_by_round(self):
        run = self.train(trials="1")["run"]
        trial = self.runs("show", run, "--trial", "1")
        losses = trial["round_losses"]
        self.assertEqual(trial["estimator"], "lightgbm")
        self.assertEqual(len(losses["folds"]), len(trial["fold_scores"]))
        self.assertLessEqual(len(losses["round"]), 61)
        for fold, kept in zip(losses["folds"], losses["kept_loss"]):
            self.assertLess(kept, fold[0])
            self.assertLessEqual(kept, min(loss for loss in fold if loss is not None))
        self.assertNotIn("round_losses", self.runs("show", run, "--trial", "0"))
        text = self.run_ok("runs", "show", run, "--trial", "1", env=self.env).stdout
        for word in ["lightgbm fast", "learning_rate = 0.1", "fold 2", "kept"]:
            self.assertIn(word, text)
        self.assertEqual(json.loads(self.run_ok("runs", "export", run, env=self.env).stdout)["trials"][1]["round_losses"], losses)
        self.assert_refused(["runs", "show", run, "--trial", "7"], 3, 'has no trial "7"', "from 0 to 1", env=self.env)

    def test_what_was_asked_for_is_kept(self):
        run = self.train("--folds", "3", "--repeats", "2", "--memory-limit", "1GB", "--no-ensemble", "--exclude-models", "mlp,knn",
                         "--ignore", "colour", trials="1")["run"]
        options = self.runs("show", run)["options"]
        wanted = {"folds": 3, "repeats": 2, "constraints": {"ensemble": False}, "exclude_models": ["mlp", "knn"], "ignore": ["colour"]}
        self.assertEqual(options, {**options, **wanted})
        self.assertLessEqual(abs(options["memory_limit_bytes"] - 1e9), 0.1e9)

    def test_many_runs_at_once_are_all_kept(self):
        data = self.path("toy.csv", toy_table())
        started = [subprocess.Popen([BIN, "train", "--data", data, "--target", "target", "--trials", "1", "--output",
                                     self.path(f"{i}.kolosal"), "--progress", "none"], stdout=subprocess.DEVNULL, env=self.env)
                   for i in range(4)]
        self.assertEqual([process.wait() for process in started], [0] * 4)
        self.assertEqual({Path(run["model"]).name for run in self.runs("list")}, {f"{i}.kolosal" for i in range(4)})


if __name__ == "__main__":
    unittest.main()
