"""`kolosal export`: what is written in another language predicts what the program predicts."""

import csv
import ctypes
import functools
import json
import math
import os
import shutil
import subprocess
import sys
import unittest
from datetime import datetime, timedelta, timezone
from pathlib import Path
from statistics import NormalDist

import pmml_predict
from kolosal_cli import CENSUS_TEST, CENSUS_TRAIN, ROOT, CliTest, environment, kolosal
from test_cli_certainty import all_learners_but

TABLES = ROOT / "tests/data/tables"
COMPILER = shutil.which("cc") or shutil.which("gcc")
ONNX_PYTHON = os.environ.get("KOLOSAL_ONNX_PYTHON", sys.executable)
# (learner, table, target)
MODELS = [
    ("lightgbm", TABLES / "titanic.csv", "survived"),
    ("xgboost", TABLES / "mpg.csv", "mpg"),
    ("random_forest", TABLES / "soybean.csv", "Class"),
    ("ordered_boosting", TABLES / "titanic.csv", "survived"),
    ("logistic_regression", CENSUS_TRAIN, "income"),
    ("logistic_regression", TABLES / "soybean.csv", "Class"),
    ("ridge", TABLES / "mpg.csv", "mpg"),
    ("glm", TABLES / "titanic.csv", "fare"),
    ("mlp", TABLES / "titanic.csv", "survived"),
    ("gaussian_nb", TABLES / "titanic.csv", "survived"),
    ("bernoulli_nb", TABLES / "titanic.csv", "survived"),
    ("knn", TABLES / "titanic.csv", "survived"),
    ("knn", TABLES / "mpg.csv", "mpg"),
]


@functools.cache
def has_onnx_runtime():
    done = subprocess.run([ONNX_PYTHON, "-c", "import onnxruntime, numpy"], capture_output=True)
    if done.returncode != 0:
        print(f"onnxruntime is not installed in {ONNX_PYTHON}; KOLOSAL_ONNX_PYTHON names another Python", file=sys.stderr)
    return done.returncode == 0


class Export(CliTest):
    models = {}  # by learner and table: bytes, for all tests

    def trained(self, learner, table, target, *words):
        model = self.path(f"{learner}.kolosal")
        known = self.models.get((learner, table))
        if known:
            model.write_bytes(known)
            return model
        chosen = ["--exclude-models", all_learners_but(self, learner)] if learner else []
        with open(table, encoding="utf-8") as file:
            ignored = [name for name in file.readline().strip().split(",") if name == "name"]  # a text
        report = self.run_json("train", "--data", table, "--target", target, "--trials", "2", *chosen, "--ignore", ",".join(ignored), "--output",
                               model, "--progress", "none", *words)
        if learner:
            self.assertIn(learner, [row["estimator"] for row in report["leaderboard"] if row["weight"] > 0])
        self.models[learner, table] = model.read_bytes()
        return model

    def predicted(self, model, table):
        """Rows of numbers as the program gives them, and labels."""
        info = self.run_json("info", model)
        out = self.path("wanted.csv")
        is_regression = info["task"] == "regression"
        self.run_ok("predict", "--model", model, "--data", table, *([] if is_regression else ["--proba"]), "--output", out)
        with open(out, newline="") as file:
            rows = list(csv.DictReader(file))
        wanted = "prediction" if is_regression else "proba_"
        numbers = [[float(v) for k, v in row.items() if k.startswith(wanted)] for row in rows]
        return numbers, [row["prediction"] for row in rows], info

    def c_predictions(self, model, table, info):
        source = self.path("exported.c")
        self.run_ok("export", "--model", model, "--format", "c", "--output", source)
        library = self.path(f"{model.name}_{len(os.listdir(self.folder))}.so")  # a loaded file must not be written again
        subprocess.run([COMPILER, "-std=c99", "-Wall", "-Wextra", "-Werror", "-pedantic", "-O0", "-ffp-contract=off", "-fPIC", "-shared",
                        source, "-o", library, "-lm"], check=True, timeout=100)
        columns = [c for c in info["columns"] if c["role"] == "feature"]
        is_text = [c["type"] in ("category", "text") for c in columns]
        is_moment = [c["type"] in ("date", "timestamp") for c in columns]

        class Row(ctypes.Structure):
            _fields_ = [(f"f{i}", ctypes.c_char_p if text else ctypes.c_double) for i, text in enumerate(is_text)]

        api = ctypes.CDLL(str(library))
        n = len(info["classes"]) if info["task"] == "multiclass" else 1
        out = (ctypes.c_double * n)()
        words = {"true": 1.0, "false": 0.0}
        numbers, labels = [], []
        with open(table, newline="", encoding="utf-8") as file:
            for cells in csv.DictReader(file):
                row = Row()
                for i, column in enumerate(columns):
                    cell = cells[column["name"]]
                    missing = cell in ("", "?")
                    if is_text[i]:
                        setattr(row, f"f{i}", None if missing else cell.encode())
                    elif is_moment[i] and not missing:
                        setattr(row, f"f{i}", datetime.fromisoformat(cell).replace(tzinfo=timezone.utc).timestamp())
                    else:
                        setattr(row, f"f{i}", float("nan") if missing else words[cell.lower()] if cell.lower() in words else float(cell))
                api.exported_predict(ctypes.byref(row), out)
                numbers.append([1 - out[0], out[0]] if info["task"] == "binary" else list(out))
                if info["task"] != "regression":
                    api.exported_decide.restype = ctypes.c_size_t
                    names = (ctypes.c_char_p * len(info["classes"])).in_dll(api, "exported_classes")
                    labels.append(names[api.exported_decide(out)].decode())
        return numbers, labels

    def assert_close(self, found, wanted, relative):
        self.assertEqual(len(found), len(wanted))
        for i, (row, wanted_row) in enumerate(zip(found, wanted)):
            self.assertEqual(len(row), len(wanted_row))
            for a, b in zip(row, wanted_row):
                self.assertLessEqual(abs(a - b), relative * max(abs(b), 1e-3), f"row {i}: {row} instead of {wanted_row}")

    @unittest.skipIf(COMPILER is None, "no C compiler")
    def test_c_predicts_what_the_program_predicts(self):
        for learner, table, target in MODELS:
            with self.subTest(learner=learner, table=table.name):
                model = self.trained(learner, table, target)
                data = CENSUS_TEST if table == CENSUS_TRAIN else table
                numbers, labels, info = self.predicted(model, data)
                found, found_labels = self.c_predictions(model, data, info)
                # Networks are computed in float32 by the program and in double by the file.
                self.assert_close(found, numbers, 1e-4 if learner == "mlp" else 1e-9)
                if info["task"] != "regression":
                    self.assertEqual(found_labels, labels)

    @unittest.skipIf(COMPILER is None, "no C compiler")
    def test_c_ranks_long_tails(self):
        lines = ["amount,kind,y"]
        for i in range(400):
            rank = (i * 149 % 400 + 0.5) / 400
            amount = "" if i % 50 == 0 else round(math.tan(math.pi * (rank - 0.5)), 1)  # Cauchy's: no power makes it normal
            lines.append(f"{amount},{'ab'[i % 2]},{NormalDist().inv_cdf(rank) + i % 2}")
        table = self.path("tails.csv", "\n".join(lines) + "\n")
        model = self.path("tails.kolosal")
        self.run_ok("train", "--data", table, "--target", "y", "--trials", "4", "--exclude-models", all_learners_but(self, "ridge"), "--output",
                    model, "--progress", "none")
        numbers, _, info = self.predicted(model, table)
        found, _ = self.c_predictions(model, table, info)
        self.assertRegex(self.path("exported.c").read_text(), r"= rank\(.*\n.*= cell_normal_of_rank\(")
        self.assert_close(found, numbers, 1e-9)

    @unittest.skipIf(COMPILER is None, "no C compiler")
    def test_dates_are_seconds(self):
        start = datetime(2019, 12, 20)
        lines = ["opened,closed,y"]
        for i in range(500):
            opened, hours = start + timedelta(days=i * 37 % 900), i * 101 % 90
            closed = opened + timedelta(hours=hours, minutes=i % 60)
            lines.append(f"{opened.date()},{'' if i % 11 == 0 else closed},{hours / 10 + opened.month + (opened.weekday() > 4) * 3}")
        table = self.path("dates.csv", "\n".join(lines) + "\n")
        model = self.path("dates.kolosal")
        self.run_ok("train", "--data", table, "--target", "y", "--trials", "2", "--exclude-models", all_learners_but(self, "lightgbm"), "--output",
                    model, "--progress", "none")
        numbers, _, info = self.predicted(model, table)
        self.assertEqual([c["type"] for c in info["columns"] if c["role"] == "feature"], ["date", "timestamp"])
        found, _ = self.c_predictions(model, table, info)
        self.assert_close(found, numbers, 1e-9)
        if self.has_runtime():
            report = self.run_json("export", "--model", model, "--format", "onnx", "--output", self.path("dates.onnx"))
            self.assertLess(report["checks"][1]["max_difference"], 1e-6)
            # Read back it takes the table as it is, with texts of dates.
            found, _, again = self.predicted(self.path("dates.onnx"), table)
            self.assert_close(found, numbers, 1e-6)
            self.assertEqual([c["type"] for c in again["columns"] if c["role"] == "feature"], ["date", "timestamp"])

    def test_quantiles_in_onnx_are_read_again(self):
        if not self.has_runtime():
            self.skipTest("no libonnxruntime")
        table = TABLES / "mpg.csv"
        model, exported = self.path("quantiles.kolosal"), self.path("quantiles.onnx")
        self.run_ok("train", "--data", table, "--target", "mpg", "--trials", "2", "--quantiles", "0.1,0.5,0.9", "--exclude-models",
                    all_learners_but(self, "lightgbm"), "--ignore", "name", "--output", model, "--progress", "none")
        self.run_ok("export", "--model", model, "--format", "onnx", "--output", exported)
        columns = []
        for file in [model, exported]:
            self.run_ok("predict", "--model", file, "--data", table, "--output", self.path("p.csv"))
            with open(self.path("p.csv"), newline="") as out:
                columns.append(list(csv.DictReader(out)))
        self.assertEqual([list(rows[0]) for rows in columns], [list(columns[0][0])] * 2)
        self.assertGreaterEqual(len(columns[0][0]), 3)
        self.assert_close([[float(v) for v in row.values()] for row in columns[1]], [[float(v) for v in row.values()] for row in columns[0]],
                          1e-5)

    @unittest.skipIf(COMPILER is None, "no C compiler")
    def test_a_blend_with_calibration(self):
        model = self.path("blend.kolosal")
        self.run_ok("train", "--data", CENSUS_TRAIN, "--target", "income", "--trials", "6", "--metric", "log_loss", "--exclude-models",
                    "knn,mlp", "--output", model, "--progress", "none")
        numbers, labels, info = self.predicted(model, CENSUS_TEST)
        found, found_labels = self.c_predictions(model, CENSUS_TEST, info)
        self.assert_close(found, numbers, 1e-5)
        self.assertEqual(found_labels, labels)

    def test_onnx_predicts_what_the_program_predicts(self):
        if not has_onnx_runtime():
            self.skipTest("no onnxruntime")
        for learner, table, target in MODELS:
            with self.subTest(learner=learner, table=table.name):
                model = self.trained(learner, table, target)
                data = CENSUS_TEST if table == CENSUS_TRAIN else table
                numbers, labels, info = self.predicted(model, data)
                exported = self.path("m.onnx")
                self.run_ok("export", "--model", model, "--format", "onnx", "--output", exported)
                done = subprocess.run([ONNX_PYTHON, Path(__file__).parent / "onnx_predict.py", exported, data], capture_output=True, text=True,
                                      timeout=100)
                self.assertEqual(done.returncode, 0, done.stderr[-2000:])
                found = json.loads(done.stdout)
                self.assert_close(found["numbers"], numbers, 1e-4)
                if info["task"] != "regression":
                    self.assertEqual(found["labels"], labels)

    def has_runtime(self):
        """Whether the program finds a libonnxruntime."""
        done = kolosal("info", ROOT / "tests/data/foreign/onnx_texts.onnx")
        if done.returncode != 0:
            print(f"the program has no ONNX Runtime: {done.stderr}", file=sys.stderr)
        return done.returncode == 0

    def test_an_onnx_file_is_run_before_it_is_written_and_can_be_read_again(self):
        if not self.has_runtime():
            self.skipTest("no libonnxruntime")
        for learner, table, target in [MODELS[1], MODELS[3], MODELS[5]]:
            with self.subTest(learner=learner, table=table.name):
                model = self.trained(learner, table, target)
                data = CENSUS_TEST if table == CENSUS_TRAIN else table
                exported = self.path("m.onnx")
                words = ["export", "--model", model, "--format", "onnx", "--output", exported]
                report = self.run_json(*words)
                runtime = report["checks"][1]
                self.assertRegex(runtime["what"], r"^ONNX Runtime 1\.")
                self.assertEqual((runtime["rows"], report["notes"]), (256, []))
                self.assertLess(runtime["max_difference"], 1e-6)
                if learner == "logistic_regression":
                    self.assertRegex(self.run_ok(*words).stderr, r"ONNX Runtime \S+: 256 rows drawn from the schema differ from the model by at most \d")
                numbers, labels, info = self.predicted(model, data)
                found, found_labels, again = self.predicted(exported, data)
                self.assert_close(found, numbers, 1e-6)
                self.assertEqual(again["task"], info["task"])
                if info["task"] != "regression":
                    self.assertEqual(found_labels, labels)
                    self.assertEqual(again["classes"], info["classes"])

    def test_flags_numbered_categories_and_a_threshold_are_read_again(self):
        if not self.has_runtime():
            self.skipTest("no libonnxruntime")
        rows = "".join(f"{'true' if i % 3 else 'false'},{i % 5 + 1:03d},{i * 37 % 101},{'yes' if i % 3 == 0 and i * i % 101 % 10 < 4 else 'no'}\n"
                       for i in range(400))
        table = self.path("flags.csv", "flag,code,size,y\n" + rows)
        model, exported = self.path("flags.kolosal"), self.path("flags.onnx")
        self.run_ok("train", "--data", table, "--target", "y", "--trials", "2", "--types", "code=category", "--metric", "f1", "--exclude-models",
                    all_learners_but(self, "logistic_regression"), "--output", model, "--progress", "none")
        self.run_ok("export", "--model", model, "--format", "onnx", "--output", exported)
        numbers, labels, _ = self.predicted(model, table)
        found, found_labels, _ = self.predicted(exported, table)
        self.assert_close(found, numbers, 1e-6)
        self.assertEqual(found_labels, labels)
        # The labels are not those of 0.5.
        self.assertNotEqual(labels, ["yes" if row[1] > 0.5 else "no" for row in numbers])

    def test_without_onnx_runtime_the_file_is_written_and_that_it_was_not_run_is_told(self):
        model = self.trained("ridge", TABLES / "mpg.csv", "mpg")
        exported = self.path("m.onnx")
        words = ["export", "--model", model, "--format", "onnx", "--output", exported]
        nowhere = environment(KOLOSAL_ONNXRUNTIME=str(self.path("nowhere") / "libonnxruntime.so"))
        report = self.run_json(*words, env=nowhere)
        self.assertEqual([check["what"] for check in report["checks"]], ["the description"])
        self.assertEqual(len(report["notes"]), 1)
        self.assertEqual(report["bytes"], exported.stat().st_size)
        told = self.run_ok(*words, env=nowhere).stderr
        for part in ["not run with ONNX Runtime", "nowhere", "pip install onnxruntime"]:
            self.assertIn(part, told)
            self.assertIn(part, report["notes"][0])
        self.assert_refused(["predict", "--model", exported, "--data", TABLES / "mpg.csv"], 4, "needs ONNX Runtime", env=nowhere)

    def test_pmml_predicts_what_the_program_predicts(self):
        # A forest of 19 classes is as many chains of trees, which the reader takes minutes for; boosters have the same nodes.
        for learner, table, target in [m for m in MODELS if m[0] != "random_forest"]:
            with self.subTest(learner=learner, table=table.name):
                model = self.trained(learner, table, target)
                exported = self.path(f"{learner}.pmml")
                words = ["export", "--model", model, "--format", "pmml", "--output", exported]
                if learner in ("mlp", "knn"):
                    self.assert_refused(words, 4, learner, "PMML")
                    self.assertFalse(exported.exists())
                    continue
                data = CENSUS_TEST if table == CENSUS_TRAIN else table
                numbers, _, info = self.predicted(model, data)
                self.run_ok(*words)
                pmml = pmml_predict.Model(exported)
                with open(data, newline="", encoding="utf-8") as file:
                    rows = list(csv.DictReader(file))[:12]
                found = []
                for cells in rows:
                    result = pmml.predict({name: "" if cell == "?" else cell for name, cell in cells.items()})
                    found.append([result] if info["task"] == "regression" else [probability for _, probability in result])
                self.assert_close(found, numbers[:12], 1e-9)

    def test_json_tells_every_operation_in_order(self):
        model = self.trained("lightgbm", TABLES / "titanic.csv", "survived")
        out = self.path("m.json")
        report = self.run_json("export", "--model", model, "--format", "json", "--output", out)
        exported = json.loads(out.read_text())
        self.assertEqual((exported["format"], exported["version"], exported["task"]), ("kolosal-model-json", 1, "binary"))
        self.assertEqual(report["operations"], len(exported["operations"]))
        self.assertEqual(report["bytes"], out.stat().st_size)
        self.assertEqual([check["what"] for check in report["checks"]], ["the description"])
        self.assertLess(report["checks"][0]["max_difference"], 1e-9)
        known = {given["value"] for given in exported["inputs"] if given["is_used"]}
        for operation in exported["operations"]:
            read = operation.get("in", [])
            for value in sum(read, []) if operation["operation"] == "blend" else read:
                if operation["operation"] != "trees":
                    self.assertIn(value, known, operation["operation"])
            known.update(operation["out"])
        self.assertLessEqual(set(exported["prediction"]), known)
        names = {given["name"] for given in exported["inputs"]}
        self.assertLessEqual({"sex", "age"}, names)

    def test_a_quantized_model_is_smaller_and_its_cost_is_measured(self):
        model = self.trained("lightgbm", CENSUS_TRAIN, "income")
        out = self.path("small.kolosal")
        words = ["export", "--model", model, "--calibration-data", CENSUS_TEST, "--output", out]
        report = self.run_json(*words, "--quantize", "int8", "--max-loss", "0.01")
        self.assertEqual(report["bytes_before"], model.stat().st_size)
        self.assertEqual(report["bytes_after"], out.stat().st_size)
        self.assertLess(report["bytes_after"], 0.8 * report["bytes_before"])
        self.assertLess(report["loss"], 0.01)
        self.assertEqual({part["part"] for part in report["parts"]}, {"leaf values", "thresholds", "structure of trees"})
        scores = self.run_json("evaluate", "--model", out, "--data", CENSUS_TEST, "--metric", report["metric"])["scores"]
        self.assertAlmostEqual(scores[report["metric"]], report["score_after"], places=12)
        text = self.run_ok(*words, "--quantize", "float16", "--metric", "log_loss").stdout
        for word in ["leaf values", "float16", "file, bytes", "us/row", "log_loss"]:
            self.assertIn(word, text)
        # A model that was quantized can be quantized again, and exported.
        self.run_ok("export", "--model", out, "--format", "json", "--output", self.path("small.json"))

    def test_a_quantized_network_computes_in_whole_numbers_within_its_loss(self):
        model = self.trained("mlp", CENSUS_TRAIN, "income", "--seed", "1")
        out = self.path("small.kolosal")
        for words in [["int8"], ["int8", "--activations", "percentile"], ["int4"]]:
            report = self.run_json("export", "--model", model, "--calibration-data", CENSUS_TEST, "--output", out, "--quantize", *words,
                                   "--metric", "accuracy", "--max-loss", "0.01" if words[0] == "int8" else "0.05")
            weights = next(part for part in report["parts"] if part["part"] == "network weights")
            self.assertRegex(weights["computed"], r"^whole numbers, \d+ of \d+ layers$")
            self.assertLess(weights["bytes_after"], (0.3 if words[0] == "int8" else 0.2) * weights["bytes_before"])
            self.assertGreater(report["us_one_row_after"], 0)
            scores = self.run_json("evaluate", "--model", out, "--data", CENSUS_TEST, "--metric", "accuracy")["scores"]
            self.assertAlmostEqual(scores["accuracy"], report["score_after"], places=12)
        self.assert_refused(["export", "--model", model, "--quantize", "int8", "--activations", "none", "--output", out], 2, "none")

    def test_what_costs_too_much_is_refused_and_nothing_is_left(self):
        model = self.trained("lightgbm", TABLES / "titanic.csv", "survived")
        before = set(os.listdir(self.folder))
        words = ["export", "--model", model, "--quantize", "int4", "--output", self.path("q.kolosal")]
        data = ["--calibration-data", TABLES / "titanic.csv"]
        self.assert_refused([*words, *data, "--max-loss", "0", "--metric", "log_loss"], 4, "log_loss", "--max-loss 0", "int16")
        self.assert_refused(words, 2, "--calibration-data")
        self.assert_refused([*words, *data, "--metric", "rmse"], 2, "rmse")
        self.assert_refused([*words, *data, "--format", "c"], 2, "--format", "--quantize")
        self.assertEqual(set(os.listdir(self.folder)), before)

    def test_what_can_not_be_exported_is_named_and_nothing_is_left(self):
        model = self.trained("knn", TABLES / "mpg.csv", "mpg")
        self.assert_refused(["export", "--model", model, "--format", "pmml", "--output", self.path("m.pmml")], 4, "knn", "--exclude-models")
        self.assertFalse(self.path("m.pmml").exists())
        before = set(os.listdir(self.folder))
        self.assert_refused(["export", "--model", model, "--format", "c", "--output", self.path("nowhere") / "m.c"], 3, "nowhere")
        self.assert_refused(["export", "--model", model, "--format", "jason", "--output", self.path("m.x")], 2, "jason")
        self.assertEqual(set(os.listdir(self.folder)), before)
        text = "a,words,y\n" + "".join(
            f"{i % 7},the {i} quick {i * 7} brown {i * 13} fox {'good' if i % 2 else 'bad'} {i * 31},{'yes' if i % 2 else 'no'}\n" for i in range(200))
        self.run_ok("train", "--data", self.path("t.csv", text), "--target", "y", "--trials", "2", "--types", "words=text", "--output",
                    self.path("t.kolosal"), "--progress", "none")
        self.assert_refused(["export", "--model", self.path("t.kolosal"), "--format", "c", "--output", self.path("t.c")], 4, "text")


if __name__ == "__main__":
    unittest.main()
