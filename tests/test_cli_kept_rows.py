"""`train --keep-rows`: rows of the table in the model file, only when asked for, and what they are used for."""
import csv
import unittest

from kolosal_cli import CENSUS_TEST, CENSUS_TRAIN, CliTest
from test_cli_certainty import all_learners_but


def table(n_rows):
    """Rows of which each has a text and a number of its own, in no order."""
    lines = ["city,size,note,y"]
    for i in range(n_rows):
        note = f"visitor number {i * 7919 + 13} came by the {['north', 'south'][i % 2]} gate"
        lines.append(f"{['Rome', 'Oslo', 'Lima'][i % 3]},{i}.25,{note},{'rare' if i % 25 == 7 else 'often'}")
    return "\n".join(lines) + "\n"


class KeptRows(CliTest):
    def train(self, data, target, model, *words):
        self.run_ok("train", "--data", data, "--target", target, "--trials", "2", "--output", model, "--progress", "none", *words)
        return model

    def notes_in(self, model, data):
        with open(data, newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
        content = model.read_bytes()
        return [row for row in rows if row["note"].encode() in content]

    def test_rows_are_in_the_file_only_when_asked_for(self):
        data = self.path("t.csv", table(300))
        words = ["--types", "note=text", "--seed", "5"]
        bare = self.train(data, "y", self.path("bare.kolosal"), *words)
        self.assertEqual(self.notes_in(bare, data), [])
        self.assertEqual(self.run_json("info", bare)["kept_rows"], 0)
        self.assertNotIn("kept ", self.run_ok("info", bare).stdout)

        kept = self.train(data, "y", self.path("kept.kolosal"), *words, "--keep-rows", "40")
        rows = self.notes_in(kept, data)
        self.assertEqual(len(rows), 40)
        self.assertIn(len([row for row in rows if row["y"] == "rare"]), (1, 2))  # 4 in 100
        self.assertEqual(self.run_json("info", kept)["kept_rows"], 40)
        self.assertRegex(self.run_ok("info", kept).stdout, r"kept +40 rows of the table")
        again = self.train(data, "y", self.path("again.kolosal"), *words, "--keep-rows", "40", "--threads", "1")
        self.assertEqual(again.read_bytes(), kept.read_bytes())
        predictions = []
        for model in (bare, kept):
            out = self.path("p.csv")
            self.run_ok("predict", "--model", model, "--data", data, "--proba", "--output", out)
            predictions.append(out.read_bytes())
        self.assertEqual(*predictions)

    def test_more_than_there_are_is_all_of_them(self):
        data = self.path("t.csv", table(60).replace("often\n", "\n", 3))
        model = self.path("m.kolosal")
        done = self.run_ok("train", "--data", data, "--target", "y", "--trials", "1", "--types", "note=text", "--output", model,
                           "--progress", "plain", "--keep-rows", "500")
        self.assertIn("--keep-rows 500: the table has 57 rows", done.stdout + done.stderr)
        self.assertEqual(self.run_json("info", model)["kept_rows"], 57)
        self.assertEqual([row["y"] for row in self.notes_in(model, data) if not row["y"]], [])

    def test_a_wrong_number_names_the_option(self):
        words = ["train", "--data", CENSUS_TRAIN, "--target", "income", "--trials", "1", "--output", self.path("m.kolosal")]
        self.assert_refused([*words, "--keep-rows", "-1"], 2, "--keep-rows", "-1")
        self.assert_refused([*words, "--keep-rows", "some"], 2, "--keep-rows", "some")
        self.assertFalse(self.path("m.kolosal").exists())

    def test_they_time_kernels_check_exports_and_calibrate(self):
        forest = ["--exclude-models", all_learners_but(self, "lightgbm")]
        kept = self.train(CENSUS_TRAIN, "income", self.path("kept.kolosal"), *forest, "--keep-rows", "400")
        bare = self.train(CENSUS_TRAIN, "income", self.path("bare.kolosal"), *forest)
        self.assertEqual({learner["kept_rows"] for learner in self.run_json("info", kept, "--kernels") if learner["timings"]}, {256})
        self.assertEqual({learner["kept_rows"] for learner in self.run_json("info", bare, "--kernels")}, {0})
        self.assertIn("256 rows that the model keeps", self.run_ok("info", kept, "--kernels").stdout)

        checks = self.run_json("export", "--model", kept, "--format", "json", "--output", self.path("m.json"))["checks"]
        self.assertEqual([(check["rows_are"], check["rows"]) for check in checks],
                         [("kept by the model", 400), ("drawn from the schema", 256)])

        words = ["--quantize", "int8", "--max-loss", "0.05", "--output", self.path("small.kolosal")]
        self.assert_refused(["export", "--model", bare, *words], 2, "--calibration-data", "--keep-rows")
        report = self.run_json("export", "--model", kept, *words)
        self.assertEqual(report["rows"], 400)
        self.assertLess(report["bytes_after"], report["bytes_before"])
        self.assertEqual(self.run_json("info", self.path("small.kolosal"))["kept_rows"], 400)
        report = self.run_json("export", "--model", kept, *words, "--calibration-data", CENSUS_TEST)
        self.assertGreater(report["rows"], 400)

    def test_of_numbers_too(self):
        data = self.path("t.csv", "a,y\n" + "".join(f"{i % 17},{3 * (i % 17) + i % 2}\n" for i in range(200)))
        model = self.train(data, "y", self.path("m.kolosal"), "--task", "regression", "--exclude-models",
                           all_learners_but(self, "lightgbm"), "--keep-rows", "50")
        report = self.run_json("export", "--model", model, "--quantize", "float16", "--max-loss", "1", "--output", self.path("q.kolosal"))
        self.assertEqual((report["rows"], report["metric"]), (50, "rmse"))


if __name__ == "__main__":
    unittest.main()
