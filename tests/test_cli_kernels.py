"""Forest kernels through the program: all predict the same bytes, `info --kernels` times them, one can be forced."""
import unittest

from kolosal_cli import CliTest, environment
from test_cli_certainty import CENSUS_TEST, CENSUS_TRAIN, all_learners_but

KERNELS = {"plain", "blocks", "lanes", "walk_rows", "walk_trees"}


class Kernels(CliTest):
    def test_every_kernel_predicts_the_same_and_is_timed(self):
        model = self.path("m.kolosal")
        self.run_ok("train", "--data", CENSUS_TRAIN, "--target", "income", "--trials", "2", "--exclude-models",
                    all_learners_but(self, "random_forest"), "--output", model, "--progress", "none")
        outputs = []
        for kernel in sorted(KERNELS) + [""]:
            out = self.path(f"p_{kernel}.csv")
            self.run_ok("predict", "--model", model, "--data", CENSUS_TEST, "--proba", "--output", out,
                        env=environment(KOLOSAL_KERNEL=kernel))
            outputs.append(open(out).read())
        self.assertEqual(len(set(outputs)), 1)

        learners = self.run_json("info", model, "--kernels")
        forests = [learner for learner in learners if learner["learner"] == "random_forest"]
        self.assertTrue(forests)
        for learner in forests:
            self.assertEqual([size["rows"] for size in learner["timings"]], [1, 4, 32, 256, 1024])
            for size in learner["timings"]:
                self.assertLessEqual({kernel["kernel"] for kernel in size["kernels"]}, KERNELS)
                self.assertTrue(all(kernel["ns_per_row"] > 0 for kernel in size["kernels"]))
        self.assertIn("walk_rows", self.run_ok("info", model, "--kernels").stdout)
        self.assert_refused(["predict", "--model", model, "--data", CENSUS_TEST], 2, "warp", "walk_trees",
                            env=environment(KOLOSAL_KERNEL="warp"))

    def test_of_what_is_no_model(self):
        self.assert_refused(["info", "--kernels"], 2, "MODEL --kernels")
        self.assert_refused(["info", self.path("t.csv", "a\n1\n"), "--kernels"], 2, "t.csv")


if __name__ == "__main__":
    unittest.main()
