"""The program itself: version, help, options, configuration, completion."""

import json
import os
import shutil
import subprocess
import unittest

from kolosal_cli import BIN, CENSUS_TRAIN, CliTest, environment, kolosal

COMMANDS = ["train", "predict", "evaluate", "info", "profile", "convert", "runs", "benchmark", "completion"]


class Program(CliTest):
    def test_version(self):
        self.assertRegex(self.run_ok("--version").stdout, r"^kolosal \d+\.\d+\.\d+\n$")

    def test_help_of_each_command_has_examples_and_all_options(self):
        overview = self.run_ok("--help").stdout
        for command in COMMANDS:
            self.assertIn(f"  {command} ", overview)
            text = self.run_ok(command, "--help").stdout
            self.assertIn("usage: kolosal " + command, text)
            self.assertIn("examples:\n  ", text)
            for flag in ["--config", "--print-config", "--json", "--log-level", "--help"]:
                self.assertIn(flag, text)
            self.assertEqual(text, self.run_ok("help", command).stdout)
            self.assertLessEqual(max(map(len, text.splitlines())), 130)

    def test_nothing_to_do_is_a_usage_error(self):
        done = kolosal()
        self.assertEqual((done.returncode, done.stdout), (2, ""))
        self.assertIn("usage: kolosal COMMAND", done.stderr)

    def test_unknown_names_are_answered_with_the_nearest(self):
        self.assert_refused(["trian"], 2, 'unknown command "trian"', 'did you mean "train"?')
        self.assert_refused(["train", "--tagret", "y"], 2, "unknown option --tagret", "did you mean --target?")
        self.assert_refused(["train", "--time-budgt=5"], 2, "--time-budgt", "did you mean --time-budget?")
        self.assert_refused(["predict", "--xyz"], 2, "unknown option --xyz", "kolosal predict --help")
        self.assert_refused(["train", "data.csv"], 2, 'does not take the argument "data.csv"')
        self.assert_refused(["train", "--data"], 2, "option --data needs a value")
        self.assert_refused(["train", "--data", "x.csv"], 2, "kolosal train needs --target COLUMN")
        self.assert_refused(["completion", "tcsh"], 2, "bash, zsh, fish", '"tcsh"')

    def test_values_are_checked(self):
        train = ["train", "--data", CENSUS_TRAIN, "--target", "income"]
        self.assert_refused([*train, "--time-budget", "0"], 2, "--time-budget must be more than 0 seconds")
        self.assert_refused([*train, "--time-budget", "-5"], 2, "--time-budget", "-5")
        self.assert_refused([*train, "--time-budget", "soon"], 2, "flag --time-budget", '"soon"', "90s")
        self.assert_refused([*train, "--trials", "0"], 2, "trials must be at least 1")
        self.assert_refused([*train, "--trials", "3", "--time-budget", "5"], 2, "either --time-budget or --trials")
        self.assert_refused([*train, "--task", "binery"], 2, "auto, binary, multiclass, regression", 'mean "binary"')
        self.assert_refused([*train, "--preset", "bost"], 2, "fast, balanced, best")
        self.assert_refused([*train, "--memory-limit", "much"], 2, "512MB", '"much"')
        self.assert_refused([*train, "--types", "age=flaot"], 2, '"flaot" is not a column type', 'mean "float"')
        self.assert_refused([*train, "--types", "age"], 2, "COLUMN=TYPE", '"age"')
        self.assert_refused([*train, "--delimiter", "ab"], 2, "--delimiter must be one character", '"ab"')
        self.assert_refused([*train, "--exclude-models", "lightgmb"], 2, '"lightgmb"', 'did you mean "lightgbm"?')

    def test_errors_are_json_with_json(self):
        done = kolosal("predict", "--model", "absent.kolosal", "--data", CENSUS_TRAIN, "--output", self.path("p.csv"), "--json")
        self.assertEqual(done.returncode, 3)
        error = json.loads(done.stderr)["error"]
        self.assertEqual(error["code"], "not_found")
        self.assertIn("absent.kolosal", error["message"])

    def test_configuration_shows_the_source_of_each_value(self):
        config = self.path("run.toml", 'seed = 1\n[train]\ntarget = "income"\ntime_budget = "5m"\n[predict]\nproba = true\n')
        text = self.run_ok("train", "--config", config, "--trials", "3", "--print-config",
                           env=environment(KOLOSAL_PRESET="fast")).stdout
        for setting, source in {"target = 'income'": f"{config}:3", "time_budget = 300.0": f"{config}:4", "trials = 3": "flag --trials",
                                "preset = 'fast'": "environment KOLOSAL_PRESET", "seed = 1": f"{config}:1",
                                "task = 'auto'": "default"}.items():
            line = next(line for line in text.splitlines() if line.startswith(setting))
            self.assertTrue(line.endswith("# " + source), line)
        entry = json.loads(self.run_ok("train", "--config", config, "--print-config", "--json").stdout)["seed"]
        self.assertEqual(entry, {"value": 1, "source": f"{config}:1"})
        again = self.run_ok("train", "--config", self.path("again.toml", text), "--print-config").stdout
        self.assertIn("time_budget = 300.0", again)

    def test_a_wrong_configuration_is_refused(self):
        self.assert_refused(["train", "--config", self.path("a.toml", "sede = 1\n")], 2, "a.toml:1", '"sede"', 'mean "seed"')
        self.assert_refused(["train", "--config", self.path("b.toml", "seed = \n")], 2, "b.toml:1", "not valid TOML")
        self.assert_refused(["train", "--config", "absent.toml"], 3, "absent.toml")

    def test_completion_scripts_parse(self):
        for shell in ["bash", "zsh", "fish"]:
            script = self.path(shell, self.run_ok("completion", shell).stdout)
            self.assertIn("time-budget", script.read_text())
            if shutil.which(shell):
                subprocess.run([shell, "-n", script], check=True)

    def test_bash_completes_commands_options_and_values(self):
        script = self.path("script", self.run_ok("completion", "bash").stdout)

        def completed(*words):
            line = " ".join(f"'{w}'" for w in words)
            code = f"source {script}; COMP_WORDS=({line}); COMP_CWORD={len(words) - 1}; _kolosal; echo ${{COMPREPLY[@]}}"
            return subprocess.run(["bash", "-c", code], stdout=subprocess.PIPE, text=True, check=True).stdout.split()

        self.assertEqual(completed("kolosal", "tr"), ["train"])
        self.assertEqual(completed("kolosal", "train", "--time-"), ["--time-budget"])
        self.assertEqual(completed("kolosal", "train", "--task", "mul"), ["multiclass"])

    def test_man_page_is_made_of_the_same_declarations(self):
        page = self.run_ok("completion", "man").stdout
        self.assertTrue(page.startswith(".TH KOLOSAL 1"))
        for text in [r"\-\-time\-budget", r"\-\-proba", ".SH EXIT STATUS"]:
            self.assertIn(text, page)
        if shutil.which("man"):
            done = subprocess.run(["man", "--warnings", "-l", self.path("kolosal.1", page)], stdout=subprocess.PIPE,
                                  stderr=subprocess.PIPE, env={**os.environ, "MANWIDTH": "100"}, text=True)
            self.assertEqual((done.returncode, done.stderr), (0, ""))

    def test_a_full_standard_output_is_an_error(self):
        with open("/dev/full", "w") as full:
            done = subprocess.run([BIN, "info"], stdout=full, stderr=subprocess.PIPE, text=True, env=environment())
        self.assertEqual(done.returncode, 3)
        self.assertIn("No space left on device", done.stderr)


class Info(CliTest):
    def test_of_nothing_tells_version_machine_and_libraries(self):
        info = self.run_json("info")
        self.assertEqual("kolosal " + info["version"] + "\n", self.run_ok("--version").stdout)
        self.assertGreaterEqual(info["threads"], 1)
        self.assertTrue(info["learners"]["constant"]["present"])
        self.assertIn("learners", self.run_ok("info").stdout)

    def test_hardware(self):
        machine = self.run_json("info", "--hardware")
        self.assertGreater(machine["memory"]["total_bytes"] if "memory" in machine else machine["memory_total_bytes"], 0)
        self.assertIn("cores", self.run_ok("info", "--hardware").stdout)

    def test_measurements_of_the_machine_are_stored(self):
        home = self.path("home")
        self.assertIsNone(self.run_json("info", "--hardware", "--home", home)["measurements"])
        measured = self.run_json("info", "--hardware", "--measure", "--home", home)
        self.assertGreater(measured["measurements"]["memory_bytes_per_s"], 0)
        self.assertEqual(measured["measurements"]["scaling"][0], {"threads": 1, "speedup": 1.0})
        again = self.run_json("info", "--hardware", "--home", home, "--goal", "latency")
        self.assertEqual(again["measurements"], measured["measurements"])
        self.assertEqual(again["advice"]["goal"], "latency")
        self.assertLessEqual(again["advice"]["max_batch_ms"], measured["advice"]["max_batch_ms"])
        self.assertIn("goal memory", self.run_ok("info", "--hardware", "--home", home, "--goal", "memory").stdout)
        self.assert_refused(["info", "--measure"], 2, "--hardware --measure")
        self.assert_refused(["info", "--hardware", "--goal", "speed"], 2, "balanced")

    def test_of_a_table_tells_types_and_what_is_suspicious(self):
        rows = ["id,age,age_again,same,empty,amount,when,flag"]
        for i in range(40):
            amount = "unknown" if i == 7 else f"{i}.5"
            rows.append(f"{1000 + i},{i % 5},{i % 5},x,,{amount},2024-01-{i % 28 + 1:02},{'yes' if i % 2 else 'no'}")
        profile = self.run_json("info", self.path("t.csv", "\n".join(rows) + "\n"))
        columns = {c["name"]: c for c in profile["columns"]}
        self.assertEqual(profile["rows"], 40)
        self.assertEqual({n: c["type"] for n, c in columns.items() if n in ("id", "when", "flag")},
                         {"id": "int", "when": "date", "flag": "bool"})
        findings = {n: " ".join(c["findings"]) for n, c in columns.items()}
        self.assertIn("identifier", findings["id"])
        self.assertIn('the same as "age"', findings["age_again"])
        self.assertIn("constant", findings["same"])
        self.assertIn("missing", findings["empty"])
        self.assertIn('numbers mixed with texts such as "unknown"', findings["amount"])
        self.assertEqual(findings["age"], "")
        self.assertEqual((columns["age"]["minimum"], columns["age"]["maximum"], columns["age"]["distinct"]), ("0", "4", 5))
        text = self.run_ok("info", self.path("t.csv")).stdout
        self.assertIn("worth a look", text)

    def test_of_an_absent_file(self):
        self.assert_refused(["info", "absent.csv"], 3, "absent.csv")
        self.assert_refused(["info", "absent.kolosal"], 3, "absent.kolosal")


if __name__ == "__main__":
    unittest.main()
