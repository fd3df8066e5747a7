"""Models of LightGBM, XGBoost and ONNX through the program and the C library."""

import csv
import json
import sys
import unittest

from kolosal_cli import BIN, ROOT, SANITIZED, CliTest

FOLDER = ROOT / "tests/data/foreign"
ROWS = FOLDER / "rows.csv"
LIBRARY = BIN.parent.parent / "lib/libkolosal.so"
sys.path.insert(0, str(ROOT / "examples/python"))


class Foreign(CliTest):
    @classmethod
    def setUpClass(cls):
        cls.expected = json.loads((FOLDER / "expected.json").read_text())

    def predicted(self, *words):
        out = self.path("out.csv")
        self.run_ok("predict", *words, "--output", out)
        with open(out, newline="", encoding="utf-8") as file:
            return list(csv.DictReader(file))

    def assert_near(self, got, want):
        self.assertEqual(len(got), len(want))
        for g, w in zip(got, want):
            self.assertAlmostEqual(float(g), w, delta=1e-6 * max(abs(w), 1e-3))

    def test_predict_works_as_with_models_of_our_own(self):
        for model in ("lightgbm_binary.txt", "xgboost_binary.json", "xgboost_binary.ubj"):
            with self.subTest(model):
                rows = self.predicted("--model", FOLDER / model, "--data", ROWS, "--proba", "--keep", "city")
                self.assertEqual(list(rows[0]), ["city", "prediction", "proba_0", "proba_1"])
                self.assert_near([row["proba_1"] for row in rows], [w[0] for w in self.expected[model]])
                for row in rows:
                    self.assertEqual(row["prediction"], str(int(float(row["proba_1"]) > 0.5)))
        rows = self.predicted("--model", FOLDER / "lightgbm_poisson.txt", "--data", ROWS)
        self.assert_near([row["prediction"] for row in rows], [w[0] for w in self.expected["lightgbm_poisson.txt"]])
        rows = self.predicted("--model", FOLDER / "onnx_forest_three.onnx", "--data", FOLDER / "rows_full.csv", "--proba")
        self.assertEqual(list(rows[0]), ["prediction", "proba_low", "proba_mid", "proba_top"])

    def test_columns_by_position(self):
        model = FOLDER / "onnx_boosting_two.onnx"
        wanted = [w[0] for w in self.expected[model.name]]
        rows = self.predicted("--model", model, "--data", FOLDER / "rows_full.csv", "--proba")
        self.assert_near([row["proba_1"] for row in rows], wanted)
        # An id that is kept is no column of the model.
        lines = (FOLDER / "rows_full.csv").read_text().splitlines()
        table = self.path("t.csv", "\n".join([f"id,{lines[0]}"] + [f"row{i},{line}" for i, line in enumerate(lines[1:])]))
        rows = self.predicted("--model", model, "--data", table, "--proba", "--keep", "id")
        self.assertEqual(rows[1]["id"], "row1")
        self.assert_near([row["proba_1"] for row in rows], wanted)
        self.assert_refused(["predict", "--model", model, "--data", table], 3, "by position", "id, age", "has 5")

    def test_wrong_tables_are_refused_by_column(self):
        self.assert_refused(["predict", "--model", FOLDER / "lightgbm_binary.txt", "--data",
                             self.path("t.csv", "age,income,visits,city\n1,2,3,Medan\n")], 3, "score")
        self.assert_refused(["predict", "--model", FOLDER / "lightgbm_binary.txt", "--data",
                             self.path("u.csv", "age,income,visits,score,city\nold,2,3,4,Medan\nnew,2,3,4,Medan\n")], 3, "age")
        self.assert_refused(["evaluate", "--model", FOLDER / "lightgbm_binary.txt", "--data", ROWS], 2, "lightgbm_binary.txt")

    def test_info_tells_what_it_is(self):
        text = self.run_ok("info", FOLDER / "lightgbm_binary.txt").stdout
        for words in ("LightGBM text v4", "binary sigmoid:0.7", "classes    0, 1", "runs by    kolosal", "by name", "city"):
            self.assertIn(words, text)
        about = self.run_json("info", FOLDER / "xgboost_positions.json")
        self.assertEqual((about["format"], about["columns_by"], about["objective"]), ("XGBoost JSON", "position", "reg:squarederror"))
        self.assertEqual([c["name"] for c in about["columns"]], ["f0", "f1", "f2", "f3"])
        learners = self.run_json("info", FOLDER / "onnx_forest_two.onnx", "--kernels")
        self.assertEqual(len(learners), 1)
        self.assertTrue(learners[0]["timings"])

    def test_damaged_files_are_refused(self):
        for model in ("lightgbm_binary.txt", "xgboost_binary.json", "xgboost_binary.ubj", "onnx_forest_two.onnx"):
            content = (FOLDER / model).read_bytes()
            with self.subTest(model):
                cut = self.path("cut_" + model, content[: len(content) // 2])
                self.assert_refused(["predict", "--model", cut, "--data", ROWS], 4, "cut_" + model)

    @unittest.skipIf(SANITIZED, "the sanitizer's library would have to come first")
    def test_the_c_library_opens_them(self):
        if not LIBRARY.exists():
            raise unittest.SkipTest(f"{LIBRARY} was not built")
        from predict_ctypes import Model
        model = Model(str(LIBRARY), str(FOLDER / "lightgbm_multiclass.txt"))
        self.assertEqual(model.schema["classes"], ["0", "1", "2"])
        with open(ROWS, newline="", encoding="utf-8") as file:
            for row, wanted in zip(csv.DictReader(file), self.expected["lightgbm_multiclass.txt"]):
                cells = {name: (None if text == "" else text if name == "city" else float(text)) for name, text in row.items()}
                self.assert_near(model.predict(cells), wanted)


if __name__ == "__main__":
    unittest.main()
