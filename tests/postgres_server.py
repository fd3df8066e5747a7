"""A PostgreSQL server for tests: made in a folder of its own, on a free port, gone at the end."""

import contextlib
import glob
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path

USER, PASSWORD = "ann", "s3cr3t-w0rd"


def program(name):
    """The program of the newest version; Debian keeps them out of the PATH."""
    return shutil.which(name) or next(iter(sorted(glob.glob(f"/usr/lib/postgresql/*/bin/{name}"), reverse=True)), None)


def missing():
    """Why no server can be started here, or ""."""
    absent = [name for name in ("initdb", "postgres", "psql") if not program(name)]
    return f"PostgreSQL is not installed: no {', '.join(absent)}" if absent else ""


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class PostgresServer:
    def __init__(self):
        self.folder = Path(tempfile.mkdtemp(prefix="kolosal_pg_"))
        self.port = free_port()
        self.process = None
        # The server refuses to run as root.
        self.identity = {}
        if os.geteuid() == 0:
            nobody = pwd.getpwnam("nobody")
            self.identity = {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}
            os.chown(self.folder, nobody.pw_uid, nobody.pw_gid)
        secret = self.folder / "password"
        secret.write_text(PASSWORD + "\n")
        secret.chmod(0o644)
        subprocess.run([program("initdb"), "-D", self.folder / "data", "-U", USER, "--auth=scram-sha-256", f"--pwfile={secret}",
                        "--no-sync", "--no-locale", "--encoding=UTF8"], check=True, cwd=self.folder, stdout=subprocess.DEVNULL,
                       **self.identity)
        self.start()

    @property
    def url(self):
        return f"postgresql://{USER}:{PASSWORD}@127.0.0.1:{self.port}/postgres"

    @property
    def shown(self):
        """The address as it may be seen."""
        return f"postgresql://{USER}@127.0.0.1:{self.port}/postgres"

    def start(self):
        with open(self.folder / "log", "ab") as log:
            self.process = subprocess.Popen(
                [program("postgres"), "-D", self.folder / "data", "-p", str(self.port), "-c", "listen_addresses=127.0.0.1", "-c",
                 f"unix_socket_directories={self.folder}", "-c", "fsync=off", "-c", "shared_buffers=16MB"],
                cwd=self.folder, stdout=log, stderr=log, **self.identity)
        for _ in range(300):
            if subprocess.run(self.psql("SELECT 1"), env=self.psql_environment(), stdout=subprocess.DEVNULL,
                              stderr=subprocess.DEVNULL).returncode == 0:
                return
            time.sleep(0.05)
        raise RuntimeError("the server does not start: " + (self.folder / "log").read_text()[-2000:])

    def psql(self, sql):
        return [program("psql"), "-h", "127.0.0.1", "-p", str(self.port), "-U", USER, "-d", "postgres", "-v", "ON_ERROR_STOP=1", "-XAtqc", sql]

    def psql_environment(self):
        return {**os.environ, "PGPASSWORD": PASSWORD, "PGOPTIONS": "-c client_min_messages=warning"}

    def query(self, sql):
        """The rows as lists of texts."""
        done = subprocess.run(self.psql(sql), env=self.psql_environment(), stdout=subprocess.PIPE, text=True, check=True)
        return [line.split("|") for line in done.stdout.splitlines()]

    def crash(self):
        """As by a power cut, from the clients' view."""
        self.process.send_signal(signal.SIGQUIT)
        self.process.wait()

    def pids(self):
        own = [self.process.pid]
        for stat in glob.glob("/proc/[0-9]*/stat"):
            try:
                fields = Path(stat).read_text().rsplit(")", 1)[1].split()
            except OSError:
                continue
            if int(fields[1]) == self.process.pid:
                own.append(int(stat.split("/")[2]))
        return own

    def freeze(self):
        """It keeps its connections, and answers nothing."""
        self.send(signal.SIGSTOP)

    def thaw(self):
        self.send(signal.SIGCONT)

    def send(self, signal_number):
        for pid in self.pids():
            with contextlib.suppress(ProcessLookupError):  # one that ended meanwhile
                os.kill(pid, signal_number)

    def remove(self):
        if self.process.poll() is None:
            self.thaw()
            self.crash()
        shutil.rmtree(self.folder, ignore_errors=True)
