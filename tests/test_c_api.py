"""The C library: the examples in C and Python give the predictions of the program."""

import csv
import ctypes
import io
import json
import os
import subprocess
import sys
import unittest

from kolosal_cli import BIN, CENSUS_TEST, CENSUS_TRAIN, ROOT, SANITIZED, CliTest

LIBRARY = BIN.parent.parent / "lib/libkolosal.so"
C_EXAMPLE = BIN.parent / "kolosal_c_example"
sys.path.insert(0, str(ROOT / "examples/python"))


def rows_of(path, n):
    with open(path, newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))[:n]


class CApi(CliTest):
    @classmethod
    def setUpClass(cls):
        if not LIBRARY.exists():
            raise unittest.SkipTest(f"{LIBRARY} was not built")
        maker = cls()
        CliTest.setUp(maker)
        cls.addClassCleanup(maker.doCleanups)
        cls.model = maker.path("m.kolosal")
        with open(CENSUS_TRAIN, encoding="utf-8") as file:
            cls.target = file.readline().strip().split(",")[-1]
        maker.run_ok("train", "--data", CENSUS_TRAIN, "--target", cls.target, "--trials", "5", "--output", cls.model)
        out = maker.path("wanted.csv")
        maker.run_ok("predict", "--model", cls.model, "--data", CENSUS_TEST, "--proba", "--output", out)
        columns = json.loads(maker.run_ok("info", cls.model, "--json").stdout)["columns"]
        cls.features = [c for c in columns if c["role"] == "feature"]
        cls.rows = [{c["name"]: cls.json_value(row[c["name"]], c["type"]) for c in cls.features}
                    for row in rows_of(CENSUS_TEST, 200)]
        cls.wanted = [float(list(row.values())[-1]) for row in rows_of(out, 200)]

    @staticmethod
    def json_value(text, kind):
        if text in ("", "?"):
            return None
        return float(text) if kind in ("int", "float", "float32") else text

    @unittest.skipIf(SANITIZED, "the sanitizer's library would have to come first")
    def test_the_python_example_predicts_what_the_program_predicts(self):
        from predict_ctypes import Model
        model = Model(str(LIBRARY), str(self.model))
        self.assertEqual(model.schema["target"], self.target)
        self.assertEqual([c["name"] for c in model.schema["columns"]], [c["name"] for c in self.features])
        for row, wanted in zip(self.rows, self.wanted):
            self.assertAlmostEqual(model.predict(row)[0], wanted, delta=1e-15 + 1e-9 * wanted)
        with self.assertRaisesRegex(ValueError, self.features[0]["name"]):
            model.predict({name: value for name, value in self.rows[0].items() if name != self.features[0]["name"]})
        # Several rows at once, and too little room for them.
        text = ("[" + ",\n".join(json.dumps(row) for row in self.rows[:3]) + "]").encode()
        out, n_rows = (ctypes.c_double * 3)(), ctypes.c_size_t()
        model.check(model.api.kolosal_predict_json(model.handle, text, len(text), out, 3, ctypes.byref(n_rows)))
        self.assertEqual(n_rows.value, 3)
        self.assertEqual(list(out), [model.predict(row)[0] for row in self.rows[:3]])
        with self.assertRaisesRegex(ValueError, "too little room"):
            model.check(model.api.kolosal_predict_json(model.handle, text, len(text), out, 2, ctypes.byref(n_rows)))
        self.assertEqual(n_rows.value, 2)
        self.csv_rows_are_those_of_the_program(model)
        model.close()
        with self.assertRaisesRegex(ValueError, "nothing.kolosal"):
            Model(str(LIBRARY), str(self.path("nothing.kolosal")))

    def csv_rows_are_those_of_the_program(self, model):
        """To the byte: lines of the file as they are, and cut down to the columns of the model."""
        with open(CENSUS_TEST, newline="", encoding="utf-8") as file:
            lines = file.read().splitlines(keepends=True)[:201]
        found = model.predict_csv("".join(lines).encode(), has_header=True)
        self.assertEqual([[wanted] for wanted in self.wanted], found)
        text = io.StringIO()
        names = [c["name"] for c in self.features]
        csv.DictWriter(text, names, extrasaction="ignore").writerows(csv.DictReader(lines))
        self.assertEqual(found, model.predict_csv(text.getvalue().encode(), has_header=False))
        with self.assertRaisesRegex(ValueError, f'row 2: "{names[0]}" is .* "young"'):
            model.predict_csv((text.getvalue().splitlines()[0] + "\nyoung" + "," * (len(names) - 1)).encode(), has_header=False)
        with self.assertRaisesRegex(ValueError, f"1 cells instead of {len(names)}"):
            model.predict_csv(b"1\n", has_header=False)

    def test_the_c_example_predicts_what_the_program_predicts(self):
        lines = "".join(json.dumps(row) + "\n" for row in self.rows)
        done = subprocess.run([C_EXAMPLE, self.model], input=lines, capture_output=True, text=True, check=True,
                              env={**os.environ, "LD_LIBRARY_PATH": str(LIBRARY.parent)})
        for line, wanted in zip(done.stdout.splitlines(), self.wanted, strict=True):
            self.assertAlmostEqual(float(line), wanted, delta=1e-15 + 1e-9 * wanted)
        broken = subprocess.run([C_EXAMPLE, self.model], input="{\"a\": \n", capture_output=True, text=True,
                                env={**os.environ, "LD_LIBRARY_PATH": str(LIBRARY.parent)})
        self.assertEqual(broken.returncode, 1)
        self.assertIn("line 1", broken.stderr)


if __name__ == "__main__":
    unittest.main()
