"""Bad input: each is refused with a message that helps and an exit code, or handled and said; nothing half-written stays."""

import os
import subprocess
import unittest

from kolosal_cli import BIN, CENSUS_TRAIN, CliTest, environment, kolosal, toy_table


class BadInput(CliTest):
    def train(self, data, *words, target="target"):
        budget = [] if "--time-budget" in words else ["--trials", "2"]
        return ["train", "--data", data, "--target", target, *budget, "--progress", "none", "--output", self.path("m.kolosal"), *words]

    def assert_train_refused(self, content, code, *texts, words=(), target="target"):
        data = content if not isinstance(content, (str, bytes)) else self.path("t.csv", content)
        line = self.assert_refused(self.train(data, *words, target=target), code, *texts)
        self.assertEqual(sorted(p.name for p in self.folder.iterdir() if p.name.startswith((".", "m.kolosal"))), [])
        return line

    def assert_trained(self, content, *words, target="target"):
        """Trains and predicts the same table; returns what train said on stderr."""
        data = self.path("t.csv", content)
        done = self.run_ok(*[w if w != "none" else "plain" for w in self.train(data, *words, target=target)])
        reading = [w for flag in ("--on-bad-rows", "--encoding") if flag in words for w in (flag, words[words.index(flag) + 1])]
        self.run_ok("predict", "--model", self.path("m.kolosal"), "--data", data, "--output", self.path("p.csv"), *reading)
        return done.stderr

    # ---- the file ------------------------------------------------------------------------------------

    def test_missing_file(self):
        self.assert_train_refused(self.path("absent.csv"), 3, "absent.csv")

    def test_folder_instead_of_file(self):
        self.assert_train_refused(self.folder, 3, str(self.folder), "folder")

    def test_empty_file(self):
        self.assert_train_refused("", 3, "t.csv", "empty")

    def test_header_only(self):
        self.assert_train_refused("a,b,target\n", 3, "row")

    def test_one_row(self):
        self.assert_train_refused("a,b,target\n1,2,x\n", 3, "1 row", "at least 2")

    def test_one_column(self):
        self.assert_train_refused("target\n1\n0\n1\n0\n", 3, "no column beside the target")

    def test_duplicate_column_names(self):
        self.assert_train_refused(toy_table().replace("age,colour", "age,age", 1), 3, "'age' is used twice", "columns 1 and 2")

    def test_ragged_line(self):
        rows = toy_table().splitlines()
        rows[7] += ",surplus"
        content = "\n".join(rows) + "\n"
        self.assert_train_refused(content, 3, "line 8", "4", "3", "--on-bad-rows")
        self.assert_trained(content, "--on-bad-rows", "skip")

    def test_unclosed_quote(self):
        rows = toy_table().splitlines()
        rows[5] = '33,"red,no'
        self.assert_train_refused("\n".join(rows) + "\n", 3, "line 6", "quote")

    def test_invalid_utf8(self):
        content = toy_table().replace("red", "rød").encode("latin-1")
        self.assert_train_refused(content, 3, "UTF-8", "latin-1")
        self.assert_trained(content, "--encoding", "latin-1")

    def test_nul_bytes(self):
        self.assert_train_refused(toy_table().encode().replace(b"red", b"r\0d", 1), 3, "NUL")

    def test_a_cell_of_100_mb(self):
        content = toy_table().encode().replace(b"red", b"r" * 100_000_000, 1)
        data = self.path("t.csv", content)
        done = kolosal(*self.train(data, "--memory-limit", "2GB"))
        self.assertIn(done.returncode, (0, 3, 5), done.stderr[-2000:])
        self.assertLess(len(done.stderr), 10_000)
        if done.returncode:
            self.assertTrue(done.stderr.startswith("error: "), done.stderr)

    def test_strange_numbers(self):
        rows = ["x,z,target"] + [f"{x},{i % 7},{'yes' if i % 7 > 3 else 'no'}"
                                 for i, x in enumerate(["1e400", "inf", "-nan", "-inf", "1", "2.5"] * 30)]
        self.assert_trained("\n".join(rows) + "\n")

    def test_decimal_commas(self):
        rows = ["x;z;target"] + [f"{i},{i % 10};{i % 7};{'yes' if i % 7 > 3 else 'no'}" for i in range(60)]
        self.assert_trained("\n".join(rows) + "\n")
        columns = self.run_json("info", self.path("t.csv"))["columns"]
        self.assertEqual(columns[0]["type"], "float")

    # ---- the target ----------------------------------------------------------------------------------

    def test_target_absent(self):
        self.assert_train_refused(toy_table(), 3, '"targte"', 'did you mean "target"?', "age, colour", target="targte")

    def test_target_constant(self):
        self.assert_train_refused(toy_table(classes=("no",)), 3, '"target"', 'only one value, "no"')
        self.assert_train_refused("a,target\n" + "".join(f"{i},2.5\n" for i in range(50)), 3, '"target"', "2.5")

    def test_target_all_missing(self):
        self.assert_train_refused("a,b,target\n" + "1,2,NA\n" * 30, 3, '"target"', "missing in all 30 rows")

    def test_some_targets_missing(self):
        rows = toy_table().splitlines()
        rows[4] = rows[4].rsplit(",", 1)[0] + ","
        self.assertIn("1 of 200 rows have no target", self.assert_trained("\n".join(rows) + "\n"))

    def test_two_rows_per_class(self):
        rows = ["x,target"] + [f"{i % 13},class {i // 2}" for i in range(40)]
        self.assert_trained("\n".join(rows) + "\n", "--task", "multiclass")

    def test_a_thousand_classes(self):
        rows = ["x,y,target"] + [f"{i % 1000},{i % 7},c{i % 1000}" for i in range(5000)]
        self.assert_trained("\n".join(rows) + "\n", "--time-budget", "6")

    def test_identifiers_as_target(self):
        rows = ["x,target"] + [f"{i % 7},name {i}" for i in range(300)]
        self.assert_train_refused("\n".join(rows) + "\n", 3, '"target"', "300 different values", "identifier")

    def test_infinite_regression_target(self):
        rows = ["x,target"] + [f"{i},{i * 1.5}" for i in range(50)] + ["7,inf"]
        self.assert_train_refused("\n".join(rows) + "\n", 3, '"target"', "infinite", "row 51")

    def test_all_missing_column(self):
        rows = [line + ("," + "empty" if i == 0 else ",") for i, line in enumerate(toy_table().splitlines())]
        rows = [",".join([r.split(",")[3], *r.split(",")[:3]]) for r in rows]
        self.assertIn('"empty"', self.assert_trained("\n".join(rows) + "\n"))

    def test_roles_that_do_not_exist(self):
        for role in ["group", "time", "weight", "ignore"]:
            self.assert_train_refused(toy_table(), 3, '"agee"', 'did you mean "age"?', words=["--" + role, "agee"])

    def test_metrics(self):
        self.assert_train_refused(toy_table(), 2, '"roc_acu"', "roc_auc", words=["--metric", "roc_acu"])
        self.assert_train_refused(toy_table(), 2, "rmse", "binary", words=["--metric", "rmse"])

    # ---- place and resources -------------------------------------------------------------------------

    def test_output_folder_absent(self):
        nowhere = self.folder / "no" / "m.kolosal"
        self.assert_refused(self.train(self.path("t.csv", toy_table()), "--output", nowhere), 3, str(nowhere.parent))
        self.assert_refused(self.train(self.path("t.csv"), "--output", self.folder), 3, "is a folder")
        self.assert_refused(["convert", "--data", self.path("t.csv"), "--output", self.folder / "no" / "t.jsonl"], 3, str(nowhere.parent))

    def test_memory_limit_too_small(self):
        self.assert_train_refused(toy_table(), 5, "memory limit", words=["--memory-limit", "20MB"])

    def test_disk_full(self):
        place = self.folder / "small"
        place.mkdir()
        mount = ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(place)]
        if os.geteuid() != 0 or subprocess.run(mount, stderr=subprocess.DEVNULL).returncode != 0:
            self.skipTest("a small tmpfs can not be mounted (needs root and the right to mount)")
        try:
            data = self.path("t.csv", toy_table(20_000))
            line = self.assert_refused(["convert", "--data", data, "--output", place / "t.jsonl"], 3, "t.jsonl")
            self.assertIn("space", line)
            self.assertEqual(list(place.iterdir()), [])
            done = kolosal(*self.train(CENSUS_TRAIN, "--output", place / "m.kolosal", target="income"))
            self.assertEqual(done.returncode, 3, done.stderr)
            self.assertIn("space", done.stderr)
            self.assertEqual(list(place.iterdir()), [])
        finally:
            subprocess.run(["umount", str(place)], check=True)

    def test_read_only_place(self):
        place = self.folder / "fixed"
        place.mkdir()
        mount = ["mount", "-t", "tmpfs", "-o", "size=64k,ro", "tmpfs", str(place)]
        if os.geteuid() != 0 or subprocess.run(mount, stderr=subprocess.DEVNULL).returncode != 0:
            self.skipTest("a read-only tmpfs can not be mounted (needs root and the right to mount)")
        try:
            self.assert_refused(self.train(self.path("t.csv", toy_table()), "--output", place / "m.kolosal"), 3, str(place))
            self.assert_refused(["convert", "--data", self.path("t.csv"), "--output", place / "t.jsonl"], 3, str(place))
        finally:
            subprocess.run(["umount", str(place)], check=True)


if __name__ == "__main__":
    unittest.main()
