"""The commands of the documentation run as they stand there."""

import re
import subprocess
import unittest

from kolosal_cli import BIN, ROOT, CliTest, environment

# Each page with the files that its commands leave.
PAGES = {
    "docs/getting-started.md": ["census.kolosal", "predictions.csv", "census_test.jsonl", "kolosal.bash", "age.kolosal", "ages.csv"],
    "docs/preprocessing.md": ["train.csv", "new.csv", "census.toml", "census.kolosal", "again.csv"],
    "docs/export.md": ["census.c", "census.onnx", "census.json", "small.kolosal", "kept.kolosal"],
    "docs/predicting.md": ["census.kolosal", "predictions.csv", "one.csv"],
    "docs/profile.md": ["census.html", "census_profile.json"],
    "docs/runs.md": ["run.json", "trials.csv", "benchmark.html"],
}


class Docs(CliTest):
    def test_commands_of_the_pages_run(self):
        for page, files in PAGES.items():
            with self.subTest(page):
                self.setUp()
                blocks = re.findall(r"^```sh\n(.*?)^```", (ROOT / page).read_text(), re.MULTILINE | re.DOTALL)
                self.assertGreater(len(blocks), 3)
                self.path("examples").symlink_to(ROOT / "examples")
                env = environment()
                env["PATH"] = f"{BIN.parent}:{env['PATH']}"
                # One shell for all blocks, as for a reader; each is named when it fails.
                script = "".join(f"{block}\n" for block in blocks)
                done = subprocess.run(["bash", "-euo", "pipefail", "-c", "set -v\n" + script], cwd=self.folder, env=env, text=True,
                                      stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=100)
                self.assertEqual(done.returncode, 0, done.stderr[-2000:])
                for name in files:
                    self.assertGreater((self.folder / name).stat().st_size, 0, name)
                if page != "docs/getting-started.md":
                    continue
                header = (self.folder / "predictions.csv").read_text().splitlines()[0]
                self.assertEqual(header, "age,prediction,proba_<=50K,proba_>50K")

    def test_words_that_the_pages_promise_are_options(self):
        for page in PAGES:
            text = (ROOT / page).read_text()
            helps = "".join(self.run_ok(c, "--help").stdout for c in ["train", "predict", "evaluate", "preprocess", "info", "profile", "convert", "runs", "benchmark", "export"])
            for flag in set(re.findall(r"--[a-z][a-z-]+", text)):
                self.assertIn(flag, helps + "--help")


if __name__ == "__main__":
    unittest.main()
