"""`train --quantiles`: one column per quantile, from training to predictions and scores."""

import csv
import unittest

from kolosal_cli import CENSUS_TEST, CENSUS_TRAIN, CliTest

LEVELS = [0.1, 0.5, 0.9]


def read_csv(path):
    with open(path, newline="") as file:
        return list(csv.DictReader(file))


def pinball(y, q, level):
    return level * (y - q) if y >= q else (1 - level) * (q - y)


class Quantiles(CliTest):
    """The age of people in the census: a real target, skewed and with ties."""

    known = {}  # by threads and levels: bytes of the model and the result, for all tests

    def trained(self, threads=2, levels="0.1,0.5,0.9"):
        model = self.path("m")
        if (threads, levels) not in self.known:
            result = self.run_json("train", "--data", CENSUS_TRAIN, "--target", "age", "--quantiles", levels, "--trials", "4", "--output",
                                   model, "--progress", "none", "--threads", threads)
            self.known[threads, levels] = model.read_bytes(), result
        model.write_bytes(self.known[threads, levels][0])
        return model, self.known[threads, levels][1]

    def predictions(self, model):
        self.run_ok("predict", "--model", model, "--data", CENSUS_TEST, "--output", self.path("p.csv"))
        return read_csv(self.path("p.csv"))

    def test_columns_never_cross_and_hold_their_share_of_fresh_rows(self):
        model, result = self.trained()
        self.assertEqual(result["metric"], "pinball")
        rows = self.predictions(model)
        self.assertEqual(list(rows[0]), ["q0.1", "q0.5", "q0.9"])
        true = [float(row["age"]) for row in read_csv(CENSUS_TEST)]
        values = [[float(row[name]) for name in row] for row in rows]
        self.assertTrue(all(row == sorted(row) for row in values))
        self.assertGreater(len({row[1] for row in values}), 20)
        losses = []
        for k, level in enumerate(LEVELS):
            share = sum(y <= row[k] for y, row in zip(true, values)) / len(true)
            self.assertLess(abs(share - level), 0.06, level)
            losses.append(sum(pinball(y, row[k], level) for y, row in zip(true, values)) / len(true))
            constant = sorted(true)[int(level * len(true))]
            self.assertLess(losses[-1], sum(pinball(y, constant, level) for y in true) / len(true), level)
        scores = self.run_json("evaluate", "--model", model, "--data", CENSUS_TEST)["scores"]
        self.assertAlmostEqual(scores["pinball"], sum(losses) / 3, places=9)
        self.assertAlmostEqual(scores["pinball:0.9"], losses[2], places=9)
        self.assertLess(scores["coverage_error:0.1"], 0.06)
        info = self.run_json("info", model)
        self.assertEqual(info["quantiles"], LEVELS)

    def test_one_quantile_is_one_column(self):
        model, result = self.trained(levels="0.8")
        self.assertEqual(result["metric"], "pinball:0.8")
        self.assertEqual(list(self.predictions(model)[0]), ["q0.8"])

    def test_the_same_bytes_at_any_number_of_threads(self):
        first = self.trained(threads=1)[0].read_bytes()
        self.assertEqual(self.trained(threads=2)[0].read_bytes(), first)

    def test_what_is_for_one_value_is_refused(self):
        model, _ = self.trained()
        predict = ["predict", "--model", model, "--data", CENSUS_TEST]
        self.assert_refused([*predict, "--interval", "0.9"], 2, "--interval 0.9", "quantiles 0.1, 0.5, 0.9")
        self.assert_refused([*predict, "--threshold", "0.9"], 2, "--threshold", "two classes")
        self.assert_refused(["evaluate", "--model", model, "--data", CENSUS_TEST, "--metric", "mae"], 2, "--metric mae", "pinball")

    def test_lists_that_can_not_be_are_refused(self):
        train = ["train", "--data", CENSUS_TRAIN, "--target", "age", "--trials", "1", "--output", self.path("x"), "--quantiles"]
        for levels, texts in {
            "0,0.5": ["--quantiles 0,0.5", "not 0"],
            "0.5,1": ["--quantiles 0.5,1", "not 1"],
            "0.9,0.1": ["0.1 comes after 0.9"],
            "0.5,0.5": ["0.5 is given twice"],
            "low,0.5": ['"low" is not a number'],
        }.items():
            self.assert_refused([*train, levels], 2, *texts)
        self.assert_refused([*train, "0.1,0.9", "--metric", "rmse"], 2, "--metric rmse", "pinball")
        train[4] = "income"
        self.assert_refused([*train, "0.1,0.9"], 2, "--quantiles 0.1,0.9", '"income"', "binary")


if __name__ == "__main__":
    unittest.main()
