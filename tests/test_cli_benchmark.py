"""kolosal benchmark: learners and the search compared on tables."""

import html.parser
import signal
import subprocess
import time
import unittest

from kolosal_cli import BIN, CENSUS_TRAIN, SANITIZED, CliTest, environment, toy_table


class Benchmark(CliTest):
    def test_table_json_and_page(self):
        words = ["benchmark", CENSUS_TRAIN, "--target", "income", "--models", "constant,decision_tree,lightgbm,logistic_regression", "--folds", "2"]
        page = self.path("b.html")
        report = self.run_json(*words, "--html", page)
        (table,) = report["tables"]
        self.assertEqual((table["metric"], table["task"], table["folds"], table["rows"]), ("roc_auc", "binary", 2, 4000))
        models = {row["model"]: row for row in table["models"]}
        self.assertEqual(set(models), {"constant", "decision_tree", "lightgbm", "logistic_regression"})
        self.assertGreater(models["lightgbm"]["score"], 0.89)
        self.assertAlmostEqual(models["constant"]["score"], 0.5, places=3)
        scores = [row["score"] for row in table["models"]]
        self.assertEqual(scores, sorted(scores, reverse=True))
        for row in models.values():
            self.assertEqual(len(row["fold_scores"]), 2)
            self.assertGreater(row["model_bytes"], 0)
        self.assertGreater(models["lightgbm"]["fit_s"], models["constant"]["fit_s"])

        text = page.read_text()
        html.parser.HTMLParser().feed(text)
        self.assertEqual(text.count("<svg"), 3)
        self.assertNotIn("http", text.replace("http-equiv", ""))
        self.assertNotIn("<script", text)
        shown = self.run_ok(*words).stdout
        for name in models:
            self.assertIn(name, shown)

    def test_all_models_and_the_search_within_their_seconds(self):
        data = self.path("toy.csv", toy_table())
        start = time.monotonic()
        report = self.run_json("benchmark", data, "--budget", "4", "--progress", "none")
        names = [row["model"] for row in report["tables"][0]["models"]]
        self.assertIn("automl", names)
        self.assertGreater(len(names), 8)
        self.assertEqual(len(set(names)), len(names))
        automl = next(row for row in report["tables"][0]["models"] if row["model"] == "automl")
        self.assertEqual(len(automl["fold_scores"]), 3)
        if not SANITIZED:
            self.assertLess(time.monotonic() - start, 4 * len(names))

    def test_several_tables_and_their_mean_ranks(self):
        a, b = self.path("a.csv", toy_table()), self.path("b.csv", toy_table(300))
        done = self.run_ok("benchmark", a, b, "--models", "constant,decision_tree", "--progress", "none")
        self.assertIn("mean rank", done.stdout)
        report = self.run_json("benchmark", a, b, self.path("absent.csv"), "--models", "constant,decision_tree")
        self.assertEqual(report["mean_ranks"][0], {"model": "decision_tree", "mean_rank": 1.0, "tables": 2})
        self.assertIn("absent.csv", report["tables"][2]["error"])

    def test_wrong_words_are_refused(self):
        data = self.path("toy.csv", toy_table())
        self.assert_refused(["benchmark"], 2, "needs DATA")
        self.assert_refused(["benchmark", data, "--models", "lightgmb"], 2, 'did you mean "lightgbm"?')
        self.assert_refused(["benchmark", data, "--target", "tarket"], 3, "tarket", "target")
        self.assert_refused(["benchmark", data, "--budget", "0"], 2, "--budget")
        self.assert_refused(["benchmark", data, "--html", self.path("no/such/folder.html")], 3, "does not exist")

    def test_ctrl_c_ends_with_what_is_there(self):
        process = subprocess.Popen([BIN, "benchmark", CENSUS_TRAIN, "--target", "income", "--budget", "60"], stdout=subprocess.PIPE,
                                   stderr=subprocess.PIPE, text=True, env=environment())
        first = process.stderr.readline()
        process.send_signal(signal.SIGINT)
        start = time.monotonic()
        out, _ = process.communicate()
        self.assertEqual(process.returncode, 6)
        self.assertIn(first.split(": ")[1].split()[0], out)
        if not SANITIZED:
            self.assertLess(time.monotonic() - start, 5)


if __name__ == "__main__":
    unittest.main()
