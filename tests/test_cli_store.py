"""A PostgreSQL server that keeps what runs did: kolosal train --store and kolosal runs --store."""

import json
import os
import signal
import socket
import sqlite3
import subprocess
import time
import unittest
from pathlib import Path

import postgres_server
from kolosal_cli import BIN, CENSUS_TRAIN, SANITIZED, CliTest, environment, kolosal, toy_table
from postgres_server import PASSWORD, PostgresServer, free_port

LIBPQ = kolosal("runs", "list", "--store", "postgresql://127.0.0.1:1/x").stderr
MISSING = postgres_server.missing() or ("libpq is not installed" if "client library is missing" in LIBPQ else "")


class StoreTest(CliTest):
    def setUp(self):
        super().setUp()
        self.home = self.path("home")
        self.env = environment(KOLOSAL_HOME=str(self.home))

    def train_words(self, *more, output="m.kolosal", trials="2"):
        data = self.path("toy.csv", toy_table())
        return ["train", "--data", data, "--target", "target", "--trials", trials, "--output", self.path(output), *more]

    def train(self, *more, **options):
        return self.run_json(*self.train_words("--progress", "none", *more, **options), env=self.env)

    def runs(self, *words):
        return self.run_json("runs", *words, env=self.env)


class Addresses(StoreTest):
    def test_addresses_that_are_none_are_refused_at_once(self):
        for url, text in [("mysql://host/db", "postgresql://"), ("postgresql://host:x/db", "no number"), ("/tmp/folder", "postgresql://")]:
            self.assert_refused(self.train_words("--store", url), 2, text, env=self.env)
            self.assert_refused(["runs", "list", "--store", url], 2, text, env=self.env)
        self.assertFalse(self.path("m.kolosal").exists())

    def test_no_password_is_shown(self):
        url = "postgresql://ann:s3cr3t@host/db?sslmode=require"
        for words in [["train", "--store", url, "--print-config"], ["train", "--store", url, "--print-config", "--json"],
                      ["train", url], ["runs", "list", "--stor", url], ["runs", "list", "--store", url + "&password=s3cr3t&x"],
                      ["train", "--track", "http://ann:s3cr3t@host", "--print-config"], ["runs", "show", url]]:
            done = kolosal(*words, env=self.env)
            self.assertNotIn("s3cr3t", done.stdout + done.stderr, words)
        self.env["KOLOSAL_STORE"] = url
        self.assertIn("ann:***@host", kolosal("train", "--print-config", env=self.env).stdout)

    def test_without_the_client_library_it_is_told_what_to_install(self):
        self.path("lib").mkdir()
        self.path("lib/libpq.so.5", "no library")
        env = {**self.env, "KOLOSAL_LIBRARY_PATH": f"{self.path('lib')}:{os.environ.get('KOLOSAL_LIBRARY_PATH', '')}"}
        self.assert_refused(self.train_words("--store", "postgresql://host/db"), 4, "--store", "apt-get install libpq5", env=env)
        self.assert_refused(["runs", "list", "--store", "postgresql://host/db"], 4, "apt-get install libpq5", env=env)
        self.run_ok(*self.train_words("--progress", "none"), env=env)  # which nobody else misses

    def test_a_server_that_is_not_there_is_an_error_of_runs_and_a_note_of_train(self):
        if "client library is missing" in LIBPQ:
            self.skipTest("libpq is not installed")
        url = f"postgresql://127.0.0.1:{free_port()}/db"
        self.assert_refused(["runs", "list", "--store", url], 3, url, "Connection refused", env=self.env)
        self.assert_refused(self.train_words("--store", url, "--warm-start", "last"), 3, "Connection refused", env=self.env)
        done = self.run_ok(*self.train_words("--store", url, "--warm-start", "auto", "--progress", "plain"), env=self.env)
        self.assertEqual(done.stderr.count("does not take this run"), 1, done.stderr)
        self.assertEqual(done.stderr.count("going on without"), 1, done.stderr)
        self.assertIn("kolosal runs sync sends it", done.stderr)
        self.assertTrue(self.path("m.kolosal").exists())
        synced = self.runs("sync")
        self.assertEqual([item["left"] for item in synced], [1])
        self.assertEqual(len(list((self.home / "unsent").glob("*.sqlite"))), 1)

    def test_a_silent_server_does_not_overdraw_the_budget(self):
        if "client library is missing" in LIBPQ:
            self.skipTest("libpq is not installed")
        with socket.create_server(("127.0.0.1", 0)) as silent:
            url = f"postgresql://127.0.0.1:{silent.getsockname()[1]}/db"
            start = time.monotonic()
            done = self.run_ok("train", "--data", CENSUS_TRAIN, "--target", "income", "--output", self.path("m.kolosal"), "--time-budget", "3",
                               "--store", url, "--warm-start", "auto", "--progress", "plain", env=self.env)
            self.assertLess(time.monotonic() - start, 3.4 if not SANITIZED else 60)
        self.assertIn("kolosal runs sync sends it", done.stderr)
        self.assertTrue(self.path("m.kolosal").exists())


@unittest.skipIf(MISSING, MISSING)
class Server(StoreTest):
    @classmethod
    def setUpClass(cls):
        cls.server = PostgresServer()
        cls.addClassCleanup(cls.server.remove)

    def setUp(self):
        super().setUp()
        self.server.query("DROP SCHEMA IF EXISTS kolosal CASCADE")
        self.env["KOLOSAL_STORE"] = self.server.url

    def unsent(self):
        return sorted((self.home / "unsent").glob("*"))

    def started(self, *more, trials="60"):
        """A run that works, of which two trials have ended."""
        words = ["train", "--data", CENSUS_TRAIN, "--target", "income", "--output", self.path("m.kolosal"), "--progress", "json", "--trials",
                 trials, *more]
        process = subprocess.Popen([BIN, *words], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, env=self.env)
        ended = 0
        for line in process.stderr:
            ended += json.loads(line)["event"] == "trial_end"
            if ended == 2:
                return process
        self.fail("it ended early")

    def ended(self, process, code=0):
        """Its notes."""
        events = [json.loads(line) for line in process.stderr.read().splitlines() if line.startswith("{")]
        process.stderr.close()
        self.assertEqual(process.wait(), code)
        return [event["message"] for event in events if event["event"] == "note"]

    def wait_for(self, sql, wanted):
        for _ in range(200):
            if self.server.query(sql) == wanted:
                return
            time.sleep(0.05)
        self.fail(f"{sql}: {self.server.query(sql)} instead of {wanted}")

    def test_a_run_is_kept_shown_compared_exported_and_deleted(self):
        self.assertEqual(self.runs("list"), [])
        self.assert_refused(["runs", "show", "last"], 3, "there are no runs in " + self.server.shown, env=self.env)
        first = self.train("--seed", "1", output="a.kolosal")
        second = self.train("--seed", "2", output="b.kolosal")
        self.assertFalse((self.home / "runs").exists())
        self.assertEqual(self.unsent(), [])
        listed = self.runs("list")
        self.assertEqual([run["id"] for run in listed], [second["run"], first["run"]])
        self.assertEqual([run["state"] for run in listed], ["done", "done"])
        self.assertEqual([run["trials"] for run in listed], [2, 2])

        run = self.runs("show", first["run"][:6])
        self.assertEqual(run["options"]["seed"], 1)
        self.assertEqual(run["store"], self.server.shown)
        self.assertEqual(run["result"]["score"], first["score"])
        self.assertEqual(len(run["trials"]), 3)
        self.assertTrue(all(len(trial["fold_scores"]) > 1 for trial in run["trials"]))
        self.assertEqual(run["events"][-1]["message"], "done")
        self.assertIn("lightgbm fast", self.run_ok("runs", "show", "last", "--trial", "1", env=self.env).stdout)
        rows = {row["what"]: row for row in self.runs("compare", first["run"], "last")["rows"]}
        self.assertEqual(rows["seed"]["values"], [1, 2])

        # The file that is exported, and the same run kept in a folder, have the same in them.
        self.run_ok("runs", "export", first["run"], "--output", self.path("r.sqlite"), env=self.env)
        with sqlite3.connect(self.path("r.sqlite")) as database:
            exported = {row[0]: row[1] for row in database.execute("SELECT number, score FROM trial")}
        self.assertEqual(exported, {trial["number"]: trial["score"] for trial in run["trials"]})
        self.path("other/runs").mkdir(parents=True)
        os.rename(self.path("r.sqlite"), self.path("other/runs") / f"{first['run']}.sqlite")
        folder_env = {**self.env, "KOLOSAL_HOME": str(self.path("other"))}
        del folder_env["KOLOSAL_STORE"]
        self.assertEqual(self.run_json("runs", "show", "last", env=folder_env), run)
        exported = json.loads(self.run_ok("runs", "export", first["run"], env=self.env).stdout)
        self.assertEqual(exported, run)

        self.run_ok("runs", "delete", first["run"], env=self.env)
        self.assertEqual([run["id"] for run in self.runs("list")], [second["run"]])
        for table in ("run", "trial", "event"):
            self.assertEqual(self.server.query(f"SELECT DISTINCT run_id FROM kolosal.{table}"), [[second["run"]]])
        self.assertTrue(self.path("a.kolosal").exists())

    def test_runs_at_the_same_time_are_all_kept(self):
        # None of them finds the tables there.
        words = [self.train_words("--progress", "none", output=f"{i}.kolosal", trials="1") for i in range(4)]
        started = [subprocess.Popen([BIN, *w], stdout=subprocess.DEVNULL, env=self.env) for w in words]
        self.assertEqual([process.wait() for process in started], [0] * 4)
        listed = self.runs("list")
        self.assertEqual({Path(run["model"]).name for run in listed}, {f"{i}.kolosal" for i in range(4)})
        self.assertEqual([(run["state"], run["trials"]) for run in listed], [("done", 1)] * 4)
        self.assertEqual(self.unsent(), [])

    def test_the_model_is_the_same_wherever_the_run_is_kept(self):
        self.train(output="a.kolosal")
        del self.env["KOLOSAL_STORE"]
        self.train(output="b.kolosal")
        self.assertEqual(self.path("a.kolosal").read_bytes(), self.path("b.kolosal").read_bytes())

    def test_others_see_a_run_while_it_works_and_one_that_is_killed_is_resumed_as_the_same(self):
        process = self.started()
        self.wait_for("SELECT count(*) > 2 FROM kolosal.trial", [["t"]])
        self.assertEqual([run["state"] for run in self.runs("list")], ["running"])
        self.assert_refused(["runs", "delete", "last"], 2, "still running", env=self.env)
        process.send_signal(signal.SIGKILL)
        self.ended(process, -signal.SIGKILL)
        killed = self.runs("show", "last")
        self.assertEqual(killed["state"], "killed")
        self.assertGreaterEqual(len(killed["trials"]), 2)
        self.run_ok("train", "--data", CENSUS_TRAIN, "--target", "income", "--output", self.path("m.kolosal"), "--trials", "4", "--resume",
                    "--progress", "none", env=self.env)
        again = self.runs("list")
        self.assertEqual([(run["id"], run["state"]) for run in again], [(killed["id"], "done")])

    def test_a_run_of_another_machine_that_fell_silent_is_known_as_killed(self):
        run = self.train()["run"]
        elsewhere = json.dumps({"pid": 1, "host": "elsewhere", "started": "1"})
        self.server.query(f"UPDATE kolosal.run SET value = '{elsewhere}' WHERE name = 'process'")
        self.server.query("UPDATE kolosal.run SET value = '\"running\"' WHERE name = 'state'")
        self.assertEqual(self.runs("show", run)["state"], "running")
        self.server.query("UPDATE kolosal.run SET value = '2026-01-01T00:00:00Z' WHERE name = 'seen_at'")
        self.assertEqual([run["state"] for run in self.runs("list")], ["killed"])
        self.run_ok("runs", "delete", run, env=self.env)

    def test_a_run_starts_warm_from_one_of_the_server(self):
        first = self.train("--seed", "1", output="a.kolosal", trials="4")
        for word in ("auto", "last", first["run"][:5]):
            self.train("--warm-start", word, "--no-history", output="b.kolosal", trials="3")
            self.assertEqual(self.run_json("info", self.path("b.kolosal"))["lineage"]["warm_start"], [first["run"]])
        self.assertEqual([run["id"] for run in self.runs("list")], [first["run"]])
        self.assert_refused(self.train_words("--warm-start", "nonsense"), 3, 'there is no run "nonsense"', first["run"], env=self.env)

    def test_a_server_that_goes_away_stops_nothing_and_gets_all_later(self):
        process = self.started(trials="8")
        self.server.crash()
        try:
            notes = self.ended(process)
        finally:
            self.server.start()
        self.assertEqual(sum("does not take this run" in note for note in notes), 1, notes)
        self.assertTrue(any("kolosal runs sync sends it" in note for note in notes), notes)
        self.assertTrue(self.path("m.kolosal").exists())
        self.assertEqual(len(self.unsent()), 1)
        self.assertIn("1 runs wait here", self.run_ok("runs", "list", env=self.env).stderr)
        synced = self.runs("sync")
        self.assertEqual([(item["left"], item["store"]) for item in synced], [(0, self.server.shown)])
        self.assertEqual(self.unsent(), [])
        self.assertEqual([(run["state"], run["trials"]) for run in self.runs("list")], [("done", 8)])
        self.assertEqual(self.runs("sync"), [])

    def test_a_server_that_comes_back_while_the_run_works_gets_all(self):
        process = self.started()
        self.wait_for("SELECT count(*) > 1 FROM kolosal.trial", [["t"]])
        self.server.crash()
        for line in process.stderr:
            if "does not take this run" in line:
                break
        self.assertEqual(len(self.unsent()), 1)  # if it were killed now, nothing would be lost
        self.server.start()
        for line in process.stderr:
            if "is back" in line:
                break
        process.send_signal(signal.SIGINT)
        self.ended(process, 6)
        self.assertEqual(self.unsent(), [])
        self.assertEqual([run["state"] for run in self.runs("list")], ["stopped"])

    def test_a_server_that_hangs_does_not_overdraw_the_budget(self):
        words = ["train", "--data", CENSUS_TRAIN, "--target", "income", "--output", self.path("m.kolosal"), "--progress", "json", "--time-budget", "4"]
        start = time.monotonic()
        process = subprocess.Popen([BIN, *words], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, env=self.env)
        self.wait_for("SELECT count(*) > 0 FROM pg_tables WHERE schemaname = 'kolosal'", [["t"]])
        self.server.freeze()
        try:
            notes = self.ended(process)
            took = time.monotonic() - start
        finally:
            self.server.thaw()
        self.assertLess(took, 4.4 if not SANITIZED else 60)
        self.assertTrue(any("kolosal runs sync sends it" in note for note in notes), notes)

    def test_a_password_is_nowhere_to_be_found(self):
        wrong = self.server.url.replace(PASSWORD, PASSWORD + "-not")
        words = self.train_words("--progress", "plain", "--log-level", "debug", trials="2")
        told = [self.run_ok(*words, "--store", wrong, env=self.env), self.run_ok(*words, env=self.env),
                kolosal("runs", "list", "--store", wrong, env=self.env), self.run_ok("runs", "show", "last", "--json", env=self.env)]
        self.assertIn("password authentication failed", told[0].stderr)
        self.assertEqual(told[2].returncode, 3)
        text = "".join(done.stdout + done.stderr for done in told)
        self.assertNotIn(PASSWORD, text)
        files = [file for file in self.folder.rglob("*") if file.is_file()]
        self.assertTrue(any(file.suffix == ".sqlite" for file in files))
        for file in files:
            self.assertNotIn(PASSWORD.encode(), file.read_bytes(), file)
        self.assertNotIn(PASSWORD, str(self.server.query("SELECT * FROM kolosal.run")))
        # What waits is sent with the password that is given then, since none was written down.
        self.assertEqual([item["left"] for item in self.runs("sync")], [0])

    def test_a_user_who_may_not_write_is_a_note(self):
        self.server.query("DROP ROLE IF EXISTS guest")
        self.server.query("CREATE ROLE guest LOGIN PASSWORD 'guest'")
        url = f"postgresql://guest:guest@127.0.0.1:{self.server.port}/postgres"
        done = self.run_ok(*self.train_words("--progress", "plain", "--store", url), env=self.env)
        self.assertIn("permission denied", done.stderr)
        self.assertEqual(len(self.unsent()), 1)

    def test_the_connection_itself(self):
        program = BIN.parent / "kolosal_store_test"
        if not program.exists():
            self.skipTest(f"{program.name} is not built")
        done = subprocess.run([program, "--gtest_filter=PostgresDatabase.*"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                              env={**os.environ, "KOLOSAL_TEST_POSTGRES": self.server.url})
        self.assertEqual(done.returncode, 0, done.stdout)
        self.assertNotIn("SKIPPED", done.stdout)
        self.assertNotIn(PASSWORD, done.stdout)


if __name__ == "__main__":
    unittest.main()
