"""Runs the built program for the end-to-end tests."""

import atexit
import json
import os
import shutil
import subprocess
import tempfile
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BIN = Path(os.environ.get("KOLOSAL_BIN", ROOT / "build/dev/bin/kolosal"))
CENSUS_TRAIN = ROOT / "examples/data/census_train.csv"
CENSUS_TEST = ROOT / "examples/data/census_test.csv"
SANITIZED = "KOLOSAL_SANITIZED" in os.environ  # the program is many times slower then, and takes more memory
LIMIT_S = 1000 if SANITIZED else 120  # no call takes as long; a hang becomes a failure
HOME = tempfile.mkdtemp(prefix="kolosal_home_")  # where runs are kept, instead of the home of the one who tests
atexit.register(shutil.rmtree, HOME, ignore_errors=True)


def environment(**extra):
    """The environment of the tests without settings of the one who runs them."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith("KOLOSAL_") or k == "KOLOSAL_LIBRARY_PATH"}
    return {**kept, "OMP_WAIT_POLICY": "passive", "KOLOSAL_HOME": HOME, **extra}


def kolosal(*words, stdin=None, cwd=None, env=None, binary=False, **options):
    """Runs `kolosal words...` to its end; returns the completed process."""
    return subprocess.run([str(BIN), *map(str, words)], input=stdin, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          cwd=cwd, env=env or environment(), timeout=LIMIT_S, text=not binary, **options)


class CliTest(unittest.TestCase):
    """A test with a folder of its own."""

    def setUp(self):
        self.folder = Path(tempfile.mkdtemp(prefix="kolosal_"))
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)

    def path(self, name, content=None):
        path = self.folder / name
        if content is not None:
            path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    def run_ok(self, *words, **options):
        done = kolosal(*words, **options)
        self.assertEqual(done.returncode, 0, f"{words}\n{done.stdout[-2000:]}\n{done.stderr[-2000:]}")
        return done

    def run_json(self, *words, **options):
        return json.loads(self.run_ok(*words, "--json", **options).stdout)

    def assert_refused(self, words, code, *texts, **options):
        """The call ends with `code`, says each text on stderr in one `error:` line, and nothing on stdout."""
        done = kolosal(*words, **options)
        self.assertEqual(done.returncode, code, f"{words}\n{done.stdout[-2000:]}\n{done.stderr[-2000:]}")
        lines = [line for line in done.stderr.splitlines() if line.startswith("error: ")]
        self.assertEqual(len(lines), 1, done.stderr[-2000:])
        for text in texts:
            self.assertIn(text, lines[0])
        self.assertEqual(done.stdout, "")
        return lines[0]


def toy_table(n_rows=200, classes=("no", "yes")):
    """A small table as CSV: the target depends on both features, with a little noise that no seed changes."""
    lines = ["age,colour,target"]
    for i in range(n_rows):
        age, colour = 20 + (i * 7) % 50, ["red", "green", "blue"][i % 3]
        label = classes[((age > 45) + (colour == "red") + (i % 11 == 0)) % len(classes)]
        lines.append(f"{age},{colour},{label}")
    return "\n".join(lines) + "\n"
