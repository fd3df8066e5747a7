"""What a model says of its own certainty: calibrated probabilities."""

import unittest

from kolosal_cli import CENSUS_TEST, CENSUS_TRAIN, CliTest


def all_learners_but(test, name):
    """For --exclude-models."""
    return ",".join(n for n in test.run_json("info")["learners"] if n not in (name, "constant"))


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
