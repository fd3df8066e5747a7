"""kolosal preprocess, from the command line to the file."""

import csv
import json
import os
import statistics
import subprocess
import unittest

from kolosal_cli import BIN, CENSUS_TEST, CENSUS_TRAIN, CliTest, environment, kolosal


def table(n_rows=120):
    lines = ["id,age,colour,flag,price,target"]
    for i in range(n_rows):
        age = "" if i % 10 == 3 else 20 + (i * 7) % 50
        colour = ["red", "green", "blue", "NA"][i % 4]
        lines.append(f"{1000 + i:06d},{age},{colour},{'yes' if i % 3 else 'no'},{i * 1.5:.2f},{'T' if i % 7 > 3 else 'f'}")
    return "\n".join(lines) + "\n"


def columns(path):
    with open(path, newline="") as file:
        rows = list(csv.reader(file))
    return {name: [row[i] for row in rows[1:]] for i, name in enumerate(rows[0])}


class Preprocess(CliTest):
    def setUp(self):
        super().setUp()
        self.data = self.path("t.csv", table())
        self.before = columns(self.data)
        self.out = self.path("out.csv")

    def fit(self, *words):
        return ["preprocess", "--data", self.data, "--output", self.out, *words]

    def fitted(self, *words):
        """Fits a recipe and gives its file."""
        self.run_ok(*self.fit("--target", "target", "--ignore", "id", "--save-recipe", self.path("r.toml"), *words))
        return self.path("r.kolosal")

    def apply(self, data, *words):
        return ["preprocess", "--data", data, "--recipe", self.path("r.kolosal"), "--output", self.path("new.csv"), *words]

    # ---- fitting ----------------------------------------------------------------------------------------

    def test_short_recipe(self):
        self.run_ok(*self.fit("--target", "target", "--ignore", "id,flag", "--impute", "median", "--scale", "standard",
                              "--encode", "onehot"))
        got = columns(self.out)
        self.assertEqual(list(got), ["id", "flag", "age", "price", "colour=(missing)", "colour=blue", "colour=green", "colour=red", "target"])
        ages = [float(a) for a in self.before["age"] if a]
        filled = [float(a) if a else statistics.median(ages) for a in self.before["age"]]
        mean, deviation = statistics.fmean(filled), statistics.pstdev(filled)
        for cell, age in zip(got["age"], filled):
            self.assertAlmostEqual(float(cell), (age - mean) / deviation, places=12)
        for cell, colour in zip(got["colour=red"], self.before["colour"]):
            self.assertEqual(float(cell), colour == "red")

    def test_target_and_ignored_columns_keep_every_cell(self):
        for how in (["--impute", "median"], ["--encode", "target"], ["--scale", "minmax", "--encode", "ordinal"]):
            with self.subTest(how):
                recipe = self.fitted("--ignore", "flag,price", *how)
                for name in ["id", "flag", "price", "target"]:
                    self.assertEqual(columns(self.out)[name], self.before[name])
                self.run_ok(*self.apply(self.data))
                for name in ["id", "flag", "price", "target"]:
                    self.assertEqual(columns(self.path("new.csv"))[name], self.before[name])
                self.assertTrue(recipe.exists())

    def test_typed_formats_keep_types(self):
        out = self.path("o.jsonl")
        self.run_ok("preprocess", "--data", self.data, "--target", "flag", "--ignore", "price,id", "--scale", "standard", "--output", out)
        first = json.loads(out.read_text().splitlines()[0])
        self.assertEqual((first["flag"], first["price"], first["id"]), (False, 0.0, "001000"))

    def test_a_target_is_encoded_out_of_fold_when_fitted_and_whole_when_applied(self):
        self.fitted("--encode", "target")
        fitted = columns(self.out)["colour_target"]
        self.run_ok(*self.apply(self.data))
        applied = columns(self.path("new.csv"))["colour_target"]
        self.assertLessEqual(len(set(applied)), 4)
        self.assertGreater(len(set(fitted)), len(set(applied)))

    def test_rows_without_target_are_kept(self):
        lines = table().splitlines()
        lines[4] = lines[4].rsplit(",", 1)[0] + ","
        self.path("t.csv", "\n".join(lines) + "\n")
        done = self.run_ok(*self.fit("--target", "target", "--encode", "target"))
        self.assertIn("1 of 120 rows have no target", done.stderr)
        self.assertEqual(columns(self.out)["target"][3], "")
        self.assertEqual(len(columns(self.out)["target"]), 120)

    def test_without_a_recipe_one_is_planned_for_the_learner(self):
        text = self.run_ok(*self.fit("--target", "target", "--explain", "--save-recipe", self.path("r.toml"))).stdout
        self.assertIn("drop_id_like", text)
        self.assertIn("`age` (10.0 %) missing", text)
        got = columns(self.out)
        self.assertEqual(got.pop("target"), self.before["target"])
        for name, cells in got.items():
            for cell in cells:
                self.assertTrue(abs(float(cell)) < 1e3, name)
        self.run_ok(*self.apply(self.data))
        self.assertEqual(list(columns(self.path("new.csv"))), [*got, "target"])
        again = self.path("again.csv")
        self.run_ok("preprocess", "--data", self.data, "--recipe", self.path("r.toml"), "--output", again)
        self.assertEqual(again.read_bytes(), self.out.read_bytes())
        for learner in ["trees", "neighbours", "nets"]:
            self.run_ok(*self.fit("--target", "target", "--learner", learner))
        self.run_ok(*self.fit("--learner", "trees"))
        self.assertEqual(columns(self.out)["age"], self.before["age"])
        self.assertEqual(columns(self.out)["colour"][:3], ["red", "green", "blue"])

    def test_a_plan_is_fitted_and_written_as_it_was(self):
        plan = '''
version = 1
target = "target"
ignore = ["id"]

[[steps]]
step = "impute"
columns = ["age"]
params = { indicator = true, strategy = "mean" }
reason = "One in ten is missing."
'''
        self.run_ok(*self.fit("--recipe", self.path("mine.toml", plan), "--save-recipe", self.path("again.toml")))
        self.assertIn("age_missing", columns(self.out))
        self.assertIn(plan.strip(), self.path("again.toml").read_text())
        info = self.run_json("info", self.path("again.kolosal"))
        self.assertEqual(info["steps"][0]["fitted_on"], ["age"])
        self.assertEqual(info["rows"], 120)
        self.assertIn("One in ten is missing.", self.run_ok("info", self.path("again.kolosal")).stdout)

    def test_a_recipe_may_ask_a_learner_which_columns_to_keep(self):
        recipe = self.path("s.toml", 'target = "target"\nignore = ["id"]\n[[steps]]\nstep = "impute"\n'
                           '[[steps]]\nstep = "model_importance"\nparams = { choose = \"top_k\", k = 1 }\n')
        self.run_ok("preprocess", "--data", self.data, "--recipe", recipe, "--save-recipe", self.path("r.toml"), "--output", self.out)
        kept = list(columns(self.out))
        self.assertEqual(len(kept), 3)  # id, the chosen one, target
        self.run_ok(*self.apply(self.data))
        self.assertEqual(columns(self.path("new.csv")), columns(self.out))
        self.assertIn("model_importance", self.run_ok("info", self.path("r.kolosal")).stdout)
        wrong = self.path("w.toml", '[[steps]]\nstep = "model_importnce"\n')
        self.assert_refused(["preprocess", "--data", self.data, "--recipe", wrong, "--output", self.out], 2, '"model_importance"')

    def test_explain_and_json(self):
        text = self.run_ok(*self.fit("--impute", "mean", "--scale", "robust", "--explain")).stdout
        self.assertIn("1. impute", text)
        self.assertIn("Asked for: --scale robust.", text)
        report = self.run_json(*self.fit("--impute", "mean"))
        self.assertEqual(report["rows"], 120)
        self.assertEqual(report["steps"][0]["step"], "impute")
        self.assertTrue(report["fitted"])

    def test_standard_input_and_output(self):
        done = self.run_ok("preprocess", "--data", "-", "--output", "-", "--scale", "minmax", "--ignore", "id", stdin=table())
        self.assertEqual(done.stdout.splitlines()[0].split(",")[0], "id")
        self.assertEqual(len(done.stdout.splitlines()), 121)

    def test_same_bytes_for_any_number_of_threads(self):
        results = set()
        for threads in ["1", "2", "5"]:
            self.run_ok("preprocess", "--data", CENSUS_TRAIN, "--target", "income", "--impute", "median", "--encode", "target",
                        "--output", self.out, "--threads", threads)
            results.add(self.out.read_bytes())
        self.assertEqual(len(results), 1)

    # ---- applying ---------------------------------------------------------------------------------------

    def test_batches_do_not_matter(self):
        self.run_ok("preprocess", "--data", CENSUS_TRAIN, "--target", "income", "--impute", "median", "--scale", "standard",
                    "--encode", "onehot", "--save-recipe", self.path("r.toml"))
        results = set()
        for rows in ["0", "1", "97"]:
            self.run_ok(*self.apply(CENSUS_TEST, "--batch-rows", rows))
            results.add(self.path("new.csv").read_bytes())
        self.assertEqual(len(results), 1)

    def test_columns_in_another_order_and_more_of_them(self):
        self.fitted("--impute", "median", "--encode", "onehot")
        self.run_ok(*self.apply(self.data))
        want = self.path("new.csv").read_bytes()
        rows = [line.split(",") for line in table().splitlines()]
        shuffled = [",".join([r[5], r[2], "more" if i == 0 else "1", r[4], r[0], r[1], r[3]]) for i, r in enumerate(rows)]
        done = self.run_ok(*self.apply(self.path("s.csv", "\n".join(shuffled) + "\n")))
        self.assertEqual(self.path("new.csv").read_bytes(), want)
        self.assertIn("left out: more", done.stderr)

    def test_the_target_may_be_absent(self):
        self.fitted("--encode", "target")
        rows = "\n".join(line.rsplit(",", 1)[0] for line in table().splitlines()) + "\n"
        self.run_ok(*self.apply(self.path("s.csv", rows)))
        self.assertNotIn("target", columns(self.path("new.csv")))

    def test_drift_is_told(self):
        self.fitted("--impute", "median", "--encode", "onehot")
        rows = table().splitlines()
        rows[1] = "001000,700,purple,yes,-4.00,T"
        done = self.run_ok(*self.apply(self.path("s.csv", "\n".join(rows) + "\n"), ))
        self.assertIn('column "age": 1 cell outside the range', done.stderr)
        self.assertIn('column "price": 1 cell outside the range', done.stderr)
        self.assertIn('column "colour": 1 cell with a value not seen', done.stderr)
        empty = [rows[0]] + [",".join([r[0], "", *r[2:]]) for r in (line.split(",") for line in rows[1:])]
        done = self.run_ok(*self.apply(self.path("s.csv", "\n".join(empty) + "\n"), ))
        self.assertIn('column "age": 100.0 % of the cells are missing, 10.0 % of those that the recipe was', done.stderr)

    # ---- more than fits in memory -------------------------------------------------------------------------

    def big(self, n_rows=30_000):
        lines = ["id,age,income,town,day,y"]
        for i in range(n_rows):
            age = "" if i % 9 == 0 else 18 + (i * 7919) % 70
            lines.append(f"{i:06d},{age},{(i * 104729) % 9973 / 7:.3f},{['rome', 'oslo', 'bonn', 'NA'][i % 4]},"
                         f"{2000 + i % 20}-0{1 + i % 9}-1{i % 9},{i % 2} and a text that is never the same {i}")
        return self.path("big.csv", "\n".join(lines) + "\n")

    def test_a_table_larger_than_the_memory_limit_gives_the_same(self):
        plan = '''
target = "y"
ignore = ["id"]
[[steps]]
step = "clip"
columns = ["age", "income"]
[[steps]]
step = "date_parts"
params = { drop_constant = false }
'''
        data, plan = self.big(), self.path("plan.toml", plan)
        results = set()
        for limit in ["4GB", "64MB"]:
            for threads in ["1", "2", "4"]:
                done = self.run_ok("preprocess", "--data", data, "--recipe", plan, "--save-recipe", self.path("r.toml"), "--output", self.out,
                                   "--memory-limit", limit, "--threads", threads)
                self.assertEqual("batch by batch" in done.stderr, limit == "64MB")
                results.add(self.out.read_bytes())
        self.assertEqual(len(results), 1)
        self.run_ok("preprocess", "--data", data, "--recipe", self.path("r.kolosal"), "--output", self.out)
        self.assertEqual(results, {self.out.read_bytes()})

    def test_means_and_levels_are_exact_in_batches_and_medians_nearly(self):
        data = self.big()
        rows = {}
        for impute in ["mean", "median"]:
            for limit in ["4GB", "64MB"]:
                self.run_ok("preprocess", "--data", data, "--ignore", "id,y,day", "--impute", impute, "--scale", "standard", "--encode", "onehot",
                            "--output", self.out, "--memory-limit", limit)
                rows[impute, limit] = columns(self.out)
            want, got = rows[impute, "4GB"], rows[impute, "64MB"]
            self.assertEqual(list(got), list(want))
            for name in want:
                if name in ("id", "y", "day"):
                    self.assertEqual(got[name], want[name])
                    continue
                for a, b in zip(want[name], got[name]):
                    self.assertAlmostEqual(float(a), float(b), delta=1e-9 if impute == "mean" else 0.05)

    def test_what_batches_can_not_do_is_refused(self):
        words = ["preprocess", "--data", self.big(), "--memory-limit", "64MB", "--output", self.out]
        self.assert_refused([*words, "--target", "town", "--encode", "target"], 5, "memory", "--output")
        self.assert_refused([*words, "--scale", "power_transform"], 5, "memory", "power_transform", "a sum over all cells")
        self.assertFalse(self.out.exists())

    def test_a_plan_for_batches_takes_steps_that_can(self):
        done = self.run_ok("preprocess", "--data", self.big(), "--memory-limit", "64MB", "--output", self.out, "--explain")
        self.assertIn("drop_id_like was left out, since only the first rows were looked at", done.stdout)

    # ---- what is wrong ----------------------------------------------------------------------------------

    def test_unknown_words(self):
        self.assert_refused(self.fit("--impute", "medain"), 2, "--impute", '"medain"', "did you mean")
        self.assert_refused(self.fit("--encode", "onehto"), 2, "--encode", '"onehot"')
        self.assert_refused(self.fit("--scale", "standrd"), 2, "--scale", '"standard"')
        self.assert_refused(self.fit("--scale", "standard", "--recipe", self.path("r.toml", "")), 2, "--recipe", "not both")

    def test_unknown_step_parameter_and_column_in_a_recipe(self):
        for text, *says in [('[[steps]]\nstep = "imput"\n', "r.toml:2", '"impute"'),
                            ('[[steps]]\nstep = "impute"\nparams = { stratgy = "mean" }\n', "r.toml:3", '"strategy"'),
                            ('[[steps]]\nstep = "impute"\nparams = { strategy = "guess" }\n', "r.toml:3", '"guess"'),
                            ('[[steps]\n', "r.toml:1", "TOML")]:
            self.assert_refused(self.fit("--recipe", self.path("r.toml", text)), 2, *says)
        one = '[[steps]]\nstep = "impute"\ncolumns = ["aeg"]\n'
        self.assert_refused(self.fit("--recipe", self.path("r.toml", one)), 3, "'aeg'", "'age'")
        self.assert_refused(self.fit("--recipe", self.path("absent.toml")), 3, "absent.toml")

    def test_the_target_as_an_input(self):
        plan = 'target = "target"\n[[steps]]\nstep = "ordinal_encode"\ncolumns = ["target"]\n'
        self.assert_refused(self.fit("--recipe", self.path("r.toml", plan)), 2, 'the target "target"', "never transformed")
        plan = 'ignore = ["id"]\n[[steps]]\nstep = "ordinal_encode"\ncolumns = ["id"]\n'
        self.assert_refused(self.fit("--recipe", self.path("r.toml", plan)), 2, '"id"', "ignored")
        self.assert_refused(self.fit("--encode", "target"), 2, "--target")
        self.assert_refused(self.fit("--target", "tagret", "--scale", "standard"), 3, '"tagret"', '"target"')

    def test_fitted_on_other_columns(self):
        self.fitted("--impute", "median")
        renamed = self.path("s.csv", table().replace("age", "years", 1))
        self.assert_refused(self.apply(renamed), 3, '"age" is not in', 'which has "years" instead')
        self.assertFalse(self.path("new.csv").exists())

    def test_text_in_a_number_column(self):
        self.fitted("--impute", "median")
        rows = table().splitlines()
        cells = rows[30].split(",")
        cells[1] = "old"
        rows[30] = ",".join(cells)
        bad = self.path("s.csv", "\n".join(rows) + "\n")
        self.assert_refused(self.apply(bad), 3, "line 31", "'age'", "'old'")
        self.assert_refused(self.apply(bad, "--batch-rows", "7", "--types", "age=category"), 3, "row 30", '"age"', '"old"')
        self.assertEqual([p.name for p in self.folder.iterdir() if p.name.startswith("new")], [])

    def test_too_many_columns(self):
        rows = ["a,b"] + [f"w{i % 60},{i}" for i in range(300)]
        data = self.path("w.csv", "\n".join(rows) + "\n")
        words = ["preprocess", "--data", data, "--output", self.out, "--encode", "onehot", "--max-features"]
        self.assert_refused([*words, "50"], 2, "61", "--max-features")
        self.assertFalse(self.out.exists())
        self.run_ok(*words, "61")

    def test_too_many_columns_of_any_step(self):
        rows = ["a,b,c,d,town"] + [f"{i},{i * i % 31},{i % 7},{i % 11},t{i % 40}" for i in range(300)]
        data = self.path("w.csv", "\n".join(rows) + "\n")
        for step, params in [("polynomial", "degree = 4"), ("splines", "n_knots = 9"), ("binary_encode", ""), ("hash_encode", "width = 64"),
                             ("one_hot", 'drop = "first"'), ("date_parts", "")]:
            recipe = self.path("r.toml", f'[[steps]]\nstep = "{step}"\nparams = {{ {params} }}\n')
            words = ["preprocess", "--data", data, "--output", self.out, "--recipe", recipe, "--max-features"]
            if step == "date_parts":  # no column for it
                self.run_ok(*words, "5")
                self.out.unlink()
                continue
            self.assert_refused([*words, "8"], 2, step, "--max-features")
            self.assertFalse(self.out.exists())

    def test_levels_that_training_did_not_have_may_be_refused(self):
        recipe = self.path("mine.toml", '''
target = "target"
ignore = ["id", "flag"]
[[steps]]
step = "one_hot"
params = { drop = "first", dense = true, handle_unknown = "error" }
''')
        self.run_ok(*self.fit("--recipe", recipe, "--save-recipe", self.path("r.toml")))
        self.assertEqual(list(columns(self.out))[4:-1], ["colour=green", "colour=red", "colour=(missing)"])
        rows = table().splitlines()
        self.run_ok(*self.apply(self.path("s.csv", "\n".join(rows) + "\n")))
        rows[7] = rows[7].replace("blue", "purple").replace("green", "purple").replace("red", "purple")
        self.assert_refused(self.apply(self.path("s.csv", "\n".join(rows) + "\n")), 3, '"colour"', "row 6 of 120", "handle_unknown")
        wrong = self.path("wrong.toml", '[[steps]]\nstep = "one_hot"\nparams = { handle_unknown = "eror" }\n')
        self.assert_refused(self.fit("--recipe", wrong), 2, "wrong.toml:3", '"eror"', "error")

    def test_a_recipe_whose_target_is_not_in_the_table_names_both(self):
        recipe = self.path("mine.toml", 'target = "targett"\n[[steps]]\nstep = "target_encode"\ncolumns = ["colour"]\n')
        self.assert_refused(self.fit("--recipe", recipe), 3, os.path.basename(self.data), '"targett"', 'did you mean "target"', "--target")

    def test_a_full_device(self):
        if not os.path.exists("/dev/full"):
            self.skipTest("there is no /dev/full")
        words = ["preprocess", "--data", CENSUS_TRAIN, "--target", "income", "--impute", "median"]
        self.assert_refused([*words, "--output", "/dev/full"], 3, "/dev/full", "No space left")
        with open("/dev/full", "w") as full:
            done = subprocess.run([BIN, *map(str, words), "--output", "-"], stdout=full, stderr=subprocess.PIPE, text=True, env=environment())
        self.assertEqual(done.returncode, 3)
        self.assertIn("No space left", done.stderr)

    def test_models_and_recipes_are_not_confused(self):
        recipe = self.fitted("--impute", "median")
        self.assert_refused(["predict", "--model", recipe, "--data", self.data], 4, "recipe", "kolosal preprocess")
        self.run_ok("train", "--data", self.data, "--target", "target", "--trials", "1", "--output", self.path("m.kolosal"))
        self.assert_refused(["preprocess", "--data", self.data, "--output", self.out, "--recipe", self.path("m.kolosal")], 4, "model",
                            "kolosal predict")
        cut = self.path("cut.kolosal", recipe.read_bytes()[:-100])
        self.assert_refused(["preprocess", "--data", self.data, "--output", self.out, "--recipe", cut], 4, "cut.kolosal")

    def test_nothing_to_do(self):
        self.assert_refused(["preprocess", "--data", self.data, "--scale", "standard"], 2, "--output")

    def test_places_that_do_not_exist_are_found_before_the_work(self):
        nowhere = self.folder / "no" / "x.csv"
        self.assert_refused(["preprocess", "--data", self.data, "--scale", "standard", "--output", nowhere], 3, str(nowhere.parent))
        self.assert_refused(self.fit("--scale", "standard", "--save-recipe", nowhere), 3, str(nowhere.parent))

    def test_disk_full(self):
        place = self.folder / "small"
        place.mkdir()
        mount = ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(place)]
        if os.geteuid() != 0 or subprocess.run(mount, stderr=subprocess.DEVNULL).returncode != 0:
            self.skipTest("a small tmpfs can not be mounted (needs root and the right to mount)")
        try:
            words = ["preprocess", "--data", CENSUS_TRAIN, "--target", "income", "--impute", "median", "--encode", "target"]
            for extra in [[], ["--save-recipe", place / "r.toml"]]:
                line = self.assert_refused([*words, "--output", place / "t.csv", *extra], 3, "t.csv")
                self.assertIn("space", line)
                self.assertEqual(list(place.iterdir()), [])
            self.run_ok(*words, "--output", self.out, "--save-recipe", self.path("r.toml"))
            self.assert_refused(["preprocess", "--data", CENSUS_TEST, "--recipe", self.path("r.kolosal"), "--output", place / "t.csv"], 3, "space")
            self.assertEqual(list(place.iterdir()), [])
            (place / "filler").write_bytes(b"x" * 60_000)
            done = kolosal(*words, "--output", self.out, "--save-recipe", place / "r.toml")
            self.assertEqual(done.returncode, 3)
            self.assertIn("the disk is full", done.stderr)
            self.assertEqual([p.name for p in place.iterdir()], ["filler"])
        finally:
            subprocess.run(["umount", str(place)], check=True)


if __name__ == "__main__":
    unittest.main()
