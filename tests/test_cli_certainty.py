"""What a model says of its own certainty: calibrated probabilities, intervals and sets, threshold, intervals of scores."""

import csv
import math
import random
import unittest

from kolosal_cli import CENSUS_TEST, CENSUS_TRAIN, CliTest


def all_learners_but(test, name):
    """For --exclude-models."""
    return ",".join(n for n in test.run_json("info")["learners"] if n not in (name, "constant"))


def read_csv(path):
    with open(path, newline="") as file:
        return list(csv.DictReader(file))


def noisy_numbers(n_rows, seed):
    """y = 3 x + 2 [c = b] with an error that no model can know."""
    draw = random.Random(seed)
    lines = ["x,c,y"]
    for _ in range(n_rows):
        x, c = draw.uniform(-3, 3), draw.choice("abc")
        lines.append(f"{x:.4f},{c},{3 * x + 2 * (c == 'b') + draw.gauss(0, 1):.4f}")
    return "\n".join(lines) + "\n"


def noisy_classes(n_rows, seed):
    """Three classes; which one is a draw by x."""
    draw = random.Random(seed)
    lines = ["x,c,y"]
    for _ in range(n_rows):
        x, c = draw.uniform(-3, 3), draw.choice("abc")
        weights = [math.exp(x), 1 + (c == "a"), math.exp(-x)]
        lines.append(f"{x:.4f},{c},{draw.choices(['up', 'mid|dle', 'down'], weights)[0]}")
    return "\n".join(lines) + "\n"


class Intervals(CliTest):
    def trained(self, table):
        self.run_ok("train", "--data", self.path("train.csv", table), "--target", "y", "--trials", "3", "--output", self.path("m"),
                    "--progress", "none")
        return self.path("m")

    def predictions(self, data, level, *words):
        self.run_ok("predict", "--model", self.path("m"), "--data", data, "--interval", level, "--output", self.path("p.csv"), *words)
        return read_csv(self.path("p.csv"))

    def assert_covered(self, n_inside, n_rows, level, n_known):
        """The share is that of the level, but for the chance of the fresh rows and of the known ones (4 deviations)."""
        allowed = 4 * math.sqrt(level * (1 - level) * (1 / n_rows + 1 / n_known))
        self.assertGreater(n_inside / n_rows, level - allowed)
        return n_inside / n_rows - level, allowed

    def test_numbers_lie_between_lower_and_upper_as_often_as_was_promised(self):
        self.trained(noisy_numbers(600, 1))
        data = self.path("new.csv", noisy_numbers(3000, 2))
        true = [float(row["y"]) for row in read_csv(data)]
        widths = []
        for level in (0.5, 0.9, 0.95):
            rows = self.predictions(data, level)
            self.assertEqual(list(rows[0]), ["prediction", "lower", "upper"])
            inside = sum(float(row["lower"]) <= y <= float(row["upper"]) for row, y in zip(rows, true))
            above, allowed = self.assert_covered(inside, len(rows), level, 600)
            self.assertLess(above, allowed + 0.05)
            widths.append(float(rows[0]["upper"]) - float(rows[0]["lower"]))
            self.assertAlmostEqual(float(rows[0]["upper"]) + float(rows[0]["lower"]), 2 * float(rows[0]["prediction"]), places=9)
        self.assertEqual(widths, sorted(widths))
        self.assertLess(widths[1], 2 * 1.645 * 1.25)  # an error of deviation 1 is inside of ± 1.645 in 90 % of the rows
        self.assertIn("level 0.9 ± ", self.run_ok("info", self.path("m")).stdout)

    def test_classes_are_in_their_set_as_often_as_was_promised(self):
        self.trained(noisy_classes(600, 3))
        data = self.path("new.csv", noisy_classes(3000, 4))
        true = [row["y"].replace("|", "\\|") for row in read_csv(data)]
        sizes = []
        for level in (0.8, 0.95):
            rows = self.predictions(data, level, "--keep", "x")
            self.assertEqual(list(rows[0]), ["x", "prediction", "set"])
            sets = [row["set"].replace("\\|", "/").split("|") for row in rows]
            inside = sum(y.replace("\\|", "/") in members for y, members in zip(true, sets))
            self.assert_covered(inside, len(rows), level, 600)
            self.assertTrue(all(row["prediction"].replace("|", "/") in members for row, members in zip(rows, sets)))
            sizes.append(sum(map(len, sets)) / len(sets))
        self.assertLess(sizes[0], sizes[1])
        self.assertLess(sizes[0], 2.2)

    def test_levels_that_can_not_be_are_refused(self):
        model = self.trained(noisy_numbers(100, 5))
        predict = ["predict", "--model", model, "--data", self.path("train.csv"), "--interval"]
        for level in ("0", "1", "90"):
            self.assert_refused([*predict, level], 2, "between 0 and 1", level)
        self.assert_refused([*predict, "0.9999"], 2, "100 validation rows", "0.9900")
        self.assert_refused([*predict, "wide"], 2, "interval")


class Threshold(CliTest):
    def test_the_metric_chooses_it_and_predict_and_evaluate_use_it(self):
        model = self.path("m")
        result = self.run_json("train", "--data", CENSUS_TRAIN, "--target", "income", "--metric", "f1", "--trials", "2", "--output", model,
                               "--progress", "none")
        self.assertLess(result["threshold"], 0.49)  # class 1 is rare: f1 wants more of it
        self.assertEqual(self.run_json("info", model)["threshold"], result["threshold"])
        self.assertIn(f"at threshold {result['threshold']:.4g}", self.run_ok("info", model).stdout)

        def labels(*words):
            self.run_ok("predict", "--model", model, "--data", CENSUS_TEST, "--proba", "--output", self.path("p.csv"), *words)
            return [(float(row["proba_>50K"]), row["prediction"]) for row in read_csv(self.path("p.csv"))]

        for words, threshold in [((), result["threshold"]), (("--threshold", "0.5"), 0.5), (("--threshold", "0.9"), 0.9)]:
            self.assertTrue(all((label == ">50K") == (p > threshold) for p, label in labels(*words)), words)
        true = [row["income"] for row in read_csv(CENSUS_TEST)]
        evaluated = self.run_json("evaluate", "--model", model, "--data", CENSUS_TEST, "--metric", "accuracy,f1")
        chosen = [label for _, label in labels()]
        self.assertAlmostEqual(evaluated["scores"]["accuracy"], sum(a == b for a, b in zip(true, chosen)) / len(true), places=9)
        self.assertEqual(evaluated["confusion_matrix"][1][1], sum(a == b == ">50K" for a, b in zip(true, chosen)))

    def test_other_metrics_leave_it_at_a_half(self):
        result = self.run_json("train", "--data", CENSUS_TRAIN, "--target", "income", "--trials", "1", "--output", self.path("m"),
                               "--progress", "none")
        self.assertEqual(result["threshold"], 0.5)
        predict = ["predict", "--model", self.path("m"), "--data", CENSUS_TEST, "--threshold"]
        self.assert_refused([*predict, "1.5"], 2, "--threshold", "1.5")

    def test_it_is_for_two_classes(self):
        self.run_ok("train", "--data", self.path("t.csv", noisy_numbers(100, 1)), "--target", "y", "--trials", "1", "--output",
                    self.path("m"), "--progress", "none")
        self.assert_refused(["predict", "--model", self.path("m"), "--data", self.path("t.csv"), "--threshold", "0.5"], 2, "two classes")


class ScoreIntervals(CliTest):
    def test_every_row_of_the_leaderboard_has_one(self):
        model = self.path("m")
        result = self.run_json("train", "--data", self.path("t.csv", noisy_numbers(600, 1)), "--target", "y", "--trials", "4", "--output",
                               model, "--progress", "none")
        for row in result["leaderboard"]:
            low, high = row["score_interval"]
            self.assertTrue(low < row["score"] < high, row)
        low, high = result["score_interval"]
        # The root of the mean of 600 squared errors of deviation 1 has a deviation of 1 / sqrt(1200).
        self.assertTrue(0.6 < (high - low) / (2 * 1.96 / math.sqrt(1200)) < 1.6, (low, high))
        self.assertEqual(self.run_json("info", model)["score_interval"], [low, high])
        self.assertIn(f"95 % {low:.5g} to {high:.5g}", self.run_ok("info", model).stdout)


class Calibration(CliTest):
    def train(self, learner, name, *words):
        model = self.path(name)
        self.run_ok("train", "--data", CENSUS_TRAIN, "--target", "income", "--trials", "2", "--metric", "log_loss", "--exclude-models", all_learners_but(self, learner),
                    "--output", model, "--progress", "none", *words)
        return model

    def test_a_learner_that_is_too_modest_is_calibrated(self):
        """Means of trees never come near 0 and 1; a regression fitted by log loss is honest as it is."""
        forest = self.train("random_forest", "forest")
        info = self.run_json("info", forest)
        self.assertIn(info["calibration"]["kind"], ["temperature", "platt", "beta", "isotonic"])
        self.assertIn(f"calibrated {info['calibration']['kind']}", self.run_ok("info", forest).stdout)
        self.assertLess(info["score"], min(row["score"] for row in info["leaderboard"] if row["estimator"]))
        scores = self.run_json("evaluate", "--model", forest, "--data", CENSUS_TEST, "--metric", "log_loss")["scores"]
        self.assertLess(scores["log_loss"], 0.36)
        linear = self.run_json("info", self.train("logistic_regression", "linear"))
        self.assertEqual(linear["calibration"], {"kind": "none"})

    def test_a_model_of_numbers_has_none(self):
        data = self.path("t.csv", "x,y\n" + "".join(f"{i % 37},{(i % 37) * 1.5 + i % 3}\n" for i in range(300)))
        self.run_ok("train", "--data", data, "--target", "y", "--trials", "1", "--output", self.path("m"), "--progress", "none")
        self.assertNotIn("calibration", self.run_json("info", self.path("m")))


if __name__ == "__main__":
    unittest.main()
