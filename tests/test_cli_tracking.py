"""kolosal train --track: against a small server that answers as MLflow does, and against MLflow itself where it is
installed: by tools/test_python.sh, or in the Python that KOLOSAL_TEST_MLFLOW names."""

import http.server
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import unittest
import urllib.parse
import urllib.request
from pathlib import Path

from kolosal_cli import BIN, CENSUS_TRAIN, ROOT, CliTest, environment, kolosal, toy_table

INSTALLED = ROOT / "third_party/test_python"  # for the Python that runs the tests
MLFLOW_PYTHON = os.environ.get("KOLOSAL_TEST_MLFLOW") or (sys.executable if (INSTALLED / ".stamp").exists() else None)


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class FakeMlflow:
    """What a server of MLflow remembers of one run."""

    def __init__(self, port=0, delay_s=0):
        self.experiments, self.metrics, self.params, self.tags, self.artifacts, self.status = {}, {}, {}, {}, {}, None
        self.n_runs = 0
        self.delay_s = delay_s
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def answer(self, status, body):
                data = json.dumps(body).encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def do_GET(self):
                time.sleep(outer.delay_s)
                query = urllib.parse.parse_qs(urllib.parse.urlparse(self.path).query)
                name = query["experiment_name"][0]
                if name in outer.experiments:
                    self.answer(200, {"experiment": {"experiment_id": outer.experiments[name]}})
                else:
                    self.answer(404, {"error_code": "RESOURCE_DOES_NOT_EXIST", "message": f"no {name}"})

            def do_POST(self):
                time.sleep(outer.delay_s)
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                call = self.path.split("/api/2.0/mlflow/")[1]
                if call == "experiments/create":
                    outer.experiments[body["name"]] = str(len(outer.experiments) + 1)
                    return self.answer(200, {"experiment_id": outer.experiments[body["name"]]})
                outer.tags.update({tag["key"]: tag["value"] for tag in body.get("tags", [])})
                if call == "runs/create":
                    outer.n_runs += 1
                    return self.answer(200, {"run": {"info": {"run_id": "r1", "artifact_uri": "mlflow-artifacts:/1/r1/artifacts"}}})
                if call == "runs/update":
                    outer.status = body["status"]
                for metric in body.get("metrics", []):
                    outer.metrics.setdefault(metric["key"], []).append((metric["step"], metric["value"]))
                outer.params.update({param["key"]: param["value"] for param in body.get("params", [])})
                self.answer(200, {})

            def do_PUT(self):
                name = self.path.split("/api/2.0/mlflow-artifacts/artifacts/1/r1/artifacts/")[1]
                outer.artifacts[name] = self.rfile.read(int(self.headers["Content-Length"]))
                self.answer(200, {})

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", port), Handler)
        self.uri = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()

    def stop(self):
        self.server.shutdown()
        self.server.server_close()


class Tracking(CliTest):
    def setUp(self):
        super().setUp()
        self.home = self.path("home")
        self.env = environment(KOLOSAL_HOME=str(self.home))

    def serve(self, **options):
        server = FakeMlflow(**options)
        self.addCleanup(server.stop)
        return server

    def words(self, uri, *more):
        data = self.path("toy.csv", toy_table())
        return ["train", "--data", data, "--target", "target", "--output", self.path("m.kolosal"), "--track", uri, *more]

    def assert_whole(self, server, result):
        metric = result["metric"]
        steps = server.metrics[f"trial_{metric}"]
        self.assertEqual([step for step, _ in steps], list(range(result["trials"] + 1)))
        self.assertEqual(dict(server.metrics[f"best_{metric}"])[0], steps[0][1])
        self.assertEqual(server.metrics[metric], [(result["trials"], result["score"])])
        self.assertEqual(server.params["target"], "target")
        self.assertEqual(server.tags["kolosal.run_id"], result["run"])
        self.assertEqual(server.artifacts["m.kolosal"], self.path("m.kolosal").read_bytes())
        self.assertEqual(json.loads(server.artifacts["result.json"])["run"], result["run"])
        self.assertEqual(server.status, "FINISHED")

    def test_a_run_is_sent_whole(self):
        server = self.serve()
        result = self.run_json(*self.words(server.uri, "--trials", "3", "--track-experiment", "churn & co"), env=self.env)
        self.assert_whole(server, result)
        self.assertEqual(list(server.experiments), ["churn & co"])
        self.assertEqual(server.params["trials"], "3")
        self.assertFalse((self.home / "track").exists())

    def test_a_server_that_is_gone_stops_nothing_and_gets_all_later(self):
        port = free_port()
        done = self.run_ok(*self.words(f"http://127.0.0.1:{port}", "--time-budget", "4", "--progress", "plain", "--json"), env=self.env)
        self.assertEqual(done.stderr.count("can not be reached"), 1)
        self.assertIn("kolosal runs sync", done.stderr)
        self.assertEqual(len(list((self.home / "track").iterdir())), 1)
        server = self.serve(port=port)
        synced = self.run_json("runs", "sync", env=self.env)
        self.assertEqual([item["left"] for item in synced], [0])
        self.assert_whole(server, json.loads(done.stdout))
        self.assertEqual(list((self.home / "track").iterdir()), [])
        self.assertEqual(self.run_json("runs", "sync", env=self.env), [])

    def test_a_server_that_comes_back_while_the_run_works_gets_all(self):
        port = free_port()
        first = FakeMlflow(port=port)
        process = subprocess.Popen([BIN, *self.words(first.uri, "--trials", "12", "--progress", "json", "--json")], stdout=subprocess.PIPE,
                                   stderr=subprocess.PIPE, text=True, env=self.env)
        lines = []
        for line in process.stderr:
            lines.append(line)
            if json.loads(line)["event"] == "trial_end":
                break
        first.stop()
        time.sleep(0.3)
        second = self.serve(port=port)
        second.experiments = first.experiments
        out, rest = process.communicate()
        self.assertEqual(process.returncode, 0)
        result = json.loads(out)
        sent = {}
        for server in (first, second):
            for step, value in server.metrics.get(f"trial_{result['metric']}", []):
                sent[step] = value
        self.assertEqual(sorted(sent), list(range(result["trials"] + 1)))
        self.assertEqual(second.status, "FINISHED")
        self.assertNotIn("runs sync", rest)

    def test_a_run_that_is_resumed_goes_on_with_its_run_on_the_server(self):
        server = self.serve()
        words = ["train", "--data", CENSUS_TRAIN, "--target", "income", "--output", self.path("m.kolosal"), "--track", server.uri]
        process = subprocess.Popen([BIN, *words, "--trials", "60", "--progress", "json"], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
                                   text=True, env=self.env)
        ended = 0
        for line in process.stderr:
            ended += json.loads(line)["event"] == "trial_end"
            if ended == 3:
                break
        process.send_signal(signal.SIGKILL)
        process.communicate()
        self.assertIsNone(server.status)
        result = self.run_json(*words, "--trials", "5", "--resume", "--progress", "none", env=self.env)
        self.assertEqual(server.n_runs, 1)
        self.assertEqual(server.status, "FINISHED")
        steps = [step for step, _ in server.metrics[f"trial_{result['metric']}"]]
        self.assertEqual(steps[-1], result["trials"])

    def test_a_slow_server_does_not_overdraw_the_budget(self):
        server = self.serve(delay_s=30)
        start = time.monotonic()
        done = self.run_ok(*self.words(server.uri, "--time-budget", "3", "--progress", "plain"), env=self.env)
        self.assertLess(time.monotonic() - start, 3.4 if "KOLOSAL_SANITIZED" not in os.environ else 60)
        self.assertIn("runs sync", done.stderr)
        self.assertTrue(self.path("m.kolosal").exists())

    def test_a_stopped_and_a_failed_run_say_so(self):
        server = self.serve()
        process = subprocess.Popen([BIN, "train", "--data", CENSUS_TRAIN, "--target", "income", "--trials", "60", "--output",
                                    self.path("m.kolosal"), "--track", server.uri, "--progress", "json"], stdout=subprocess.DEVNULL,
                                   stderr=subprocess.PIPE, text=True, env=self.env)
        for line in process.stderr:
            if json.loads(line)["event"] == "trial_end":
                break
        process.send_signal(signal.SIGINT)
        process.communicate()
        self.assertEqual((process.returncode, server.status), (6, "KILLED"))
        data = self.path("bad.csv", "a,y\n" + "1,x\n" * 50)
        failed = kolosal("train", "--data", data, "--target", "y", "--track", server.uri, "--trials", "1", env=self.env)
        self.assertEqual((failed.returncode, server.status), (3, "FAILED"))
        self.assertIn("y", server.tags["kolosal.error"])

    def test_addresses_that_are_none_are_refused_at_once(self):
        for uri, code, text in [("localhost:5000", 2, "http://host:port"), ("http://", 2, "no host"), ("https://host", 2, "https"),
                                ("file:///tmp/mlruns", 2, "http://host:port")]:
            self.assert_refused(self.words(uri, "--trials", "1"), code, text, env=self.env)

    def test_without_a_home_what_is_left_is_kept_beside_the_model(self):
        words = self.words(f"http://127.0.0.1:{free_port()}", "--time-budget", "3", "--no-history", "--progress", "none")
        self.run_ok(*words, env=self.env)
        left = self.path("m.kolosal.track.jsonl")
        self.assertTrue(left.exists())
        server = self.serve()
        left.write_text(left.read_text().replace(json.loads(left.read_text().splitlines()[0])["uri"], server.uri, 1))
        self.run_ok("runs", "sync", left, env=self.env)
        self.assertEqual(server.status, "FINISHED")
        self.assertFalse(left.exists())


@unittest.skipUnless(MLFLOW_PYTHON, "MLflow is not installed; tools/test_python.sh does")
class RealServer(CliTest):
    """What MLflow's own client finds on MLflow's own server."""

    CLIENT = """
import json, sys
from mlflow.tracking import MlflowClient
client = MlflowClient(sys.argv[1])
out = []
for run in client.search_runs([client.get_experiment_by_name("tests").experiment_id], order_by=["attributes.start_time ASC"]):
    history = client.get_metric_history(run.info.run_id, "trial_" + sys.argv[2])
    files = [f.path for f in client.list_artifacts(run.info.run_id)]
    model = client.download_artifacts(run.info.run_id, "m.kolosal", sys.argv[3]) if "m.kolosal" in files else None
    out.append({"status": run.info.status, "metrics": run.data.metrics, "params": run.data.params, "tags": run.data.tags,
                "steps": [m.step for m in history], "files": sorted(files), "model": model})
print(json.dumps(out))
"""

    def setUp(self):
        super().setUp()
        # The jobs of the server are for language models; they are processes that take seconds to start.
        self.python_env = {**os.environ, "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false", "PYTHONWARNINGS": "ignore"}
        self.python_env.pop("PYTHONDONTWRITEBYTECODE", None)  # three processes read the same modules
        if MLFLOW_PYTHON == sys.executable:
            self.python_env["PYTHONPATH"] = str(INSTALLED)
        port = free_port()
        self.uri = f"http://127.0.0.1:{port}"
        with open(self.path("server.log"), "wb") as log:
            server = subprocess.Popen([MLFLOW_PYTHON, "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", str(port), "--workers", "1",
                                       "--backend-store-uri", f"sqlite:///{self.path('store.db')}", "--artifacts-destination",
                                       str(self.path("artifacts"))], cwd=self.folder, env=self.python_env, stdout=log, stderr=log,
                                      start_new_session=True)
        self.addCleanup(server.wait)
        self.addCleanup(os.killpg, server.pid, signal.SIGTERM)
        end = time.monotonic() + 300
        while time.monotonic() < end and server.poll() is None:
            try:
                return urllib.request.urlopen(self.uri + "/health", timeout=1).read()
            except OSError:
                time.sleep(0.1)
        self.fail("the server does not start: " + self.path("server.log").read_text()[-3000:])

    def test_mlflow_has_all_of_a_run_and_a_resumed_one_stays_one(self):
        env = environment(KOLOSAL_HOME=str(self.path("home")))
        data = self.path("toy.csv", toy_table())
        words = ["train", "--data", data, "--target", "target", "--output", self.path("m.kolosal"), "--run-dir", self.path("m.run"), "--track",
                 self.uri, "--track-experiment", "tests"]
        first = self.run_json(*words, "--trials", "2", env=env)
        result = self.run_json(*words, "--trials", "4", "--resume", env=env)
        self.assertEqual(first["run"], result["run"])
        done = subprocess.run([MLFLOW_PYTHON, "-c", self.CLIENT, self.uri, result["metric"], self.folder], env=self.python_env,
                              stdout=subprocess.PIPE, text=True, check=True)
        runs = json.loads(done.stdout.splitlines()[-1])
        self.assertEqual(len(runs), 1)
        run = runs[0]
        self.assertEqual(run["status"], "FINISHED")
        self.assertEqual(run["metrics"][result["metric"]], result["score"])
        self.assertEqual(run["steps"], [0, 1, 2, 3, 4])
        self.assertEqual(run["params"]["target"], "target")
        self.assertEqual(run["params"]["trials"], "2")  # MLflow keeps the first value
        self.assertEqual(run["tags"]["kolosal.run_id"], result["run"])
        self.assertEqual(run["files"], ["m.kolosal", "result.json"])
        self.assertEqual(Path(run["model"]).read_bytes(), self.path("m.kolosal").read_bytes())


if __name__ == "__main__":
    unittest.main()
