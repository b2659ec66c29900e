"""A `tenfold serve` of our own, on a free loopback port, with a home of its own."""

import json
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path

READY_SECONDS = 600  # The first start ever pulls a model.


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def wait_until(condition, seconds, what):
    """The first true answer of `condition`, which is asked every 50 ms."""
    end = time.monotonic() + seconds
    while True:
        answer = condition()
        if answer:
            return answer
        if time.monotonic() > end:
            raise AssertionError(f"not within {seconds} s: {what}")
        time.sleep(0.05)


class Server:
    """Keeps its home, and so its state, over a stop, a kill and a new start."""

    def __init__(self, config="", home=None, port=None, log_level=None, database=None):
        self.home = Path(home or tempfile.mkdtemp(prefix="tenfold-sdk-"))
        self.port = port or free_port()
        self.log = self.home / "server.log"
        self.log_level = log_level
        # The URL of a PostgreSQL; an SQLite file in its home when there is none.
        self.database = database
        self.process = None
        if config:
            (self.home / "tenfold.toml").write_text("version = 1\n" + config)

    # Pulled files are shared between homes, so that each model is pulled once.
    @property
    def _pulled(self):
        return Path(os.environ["TENFOLD_SDK_CACHE"]) / "models"

    def start(self):
        if self._pulled.exists() and not (self.home / "models").exists():
            subprocess.run(["cp", "-al", self._pulled, self.home / "models"], check=True)
        env = {k: v for k, v in os.environ.items() if not k.startswith(("TENFOLD_", "OPENAI_", "ANTHROPIC_"))}
        env |= {"TENFOLD_HOME": str(self.home), "TENFOLD_LISTEN": f"127.0.0.1:{self.port}"}
        if self.database:
            env["DATABASE_URL"] = self.database
        if self.log_level:
            env["TENFOLD_LOG"] = self.log_level
        with open(self.log, "ab") as log:
            command = [os.environ["TENFOLD_BIN"], "serve"]
            self.process = subprocess.Popen(command, env=env, stdout=log, stderr=log, stdin=subprocess.DEVNULL)
        wait_until(self._is_ready, READY_SECONDS, "the server is ready")
        for model in (self.home / "models").glob("[!.]*"):
            self.share_pulled(model.name)
        return self

    def share_pulled(self, model):
        """Links a model's files into the place from which the next homes take theirs."""
        if not (self._pulled / model).exists():
            self._pulled.mkdir(exist_ok=True)
            beside = self._pulled / f".{model}.{os.getpid()}"
            subprocess.run(["cp", "-al", self.home / "models" / model, beside], check=True)
            os.rename(beside, self._pulled / model)

    def _is_ready(self):
        if self.process.poll() is not None:
            raise AssertionError(f"the server ended with {self.process.returncode}:\n{self.log_text()[-3000:]}")
        try:
            with urllib.request.urlopen(f"{self.url}/readyz", timeout=2) as answer:
                return answer.status == 200 and (self.home / "credentials.json").exists()
        except OSError:
            return False

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}"

    @property
    def pid(self):
        return self.process.pid

    def credentials(self):
        return json.loads((self.home / "credentials.json").read_text())

    @property
    def api_key(self):
        return self.credentials()["api_key"]

    @property
    def admin_key(self):
        return self.credentials()["admin_key"]

    @property
    def project_id(self):
        return self.credentials()["project_id"]

    def log_text(self):
        return self.log.read_text(errors="replace")

    def status(self, field):
        """A figure of /proc/PID/status, such as VmRSS, in kB."""
        for line in Path(f"/proc/{self.pid}/status").read_text().splitlines():
            if line.startswith(field + ":"):
                return int(line.split()[1])
        raise KeyError(field)

    def workers(self):
        """The process ids of its worker processes."""
        found = []
        for stat in Path("/proc").glob("[0-9]*/stat"):
            try:
                parent = int(stat.read_text().rsplit(")", 1)[1].split()[1])
                command = (stat.parent / "cmdline").read_bytes().split(b"\0")
            except (OSError, IndexError):
                continue
            if parent == self.pid and b"worker" in command:
                found.append(int(stat.parent.name))
        return found

    def stop(self):
        """Asks it to end, as a service manager does."""
        if self.process and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                return self.process.wait(40)
            except subprocess.TimeoutExpired:
                self.process.kill()
                return self.process.wait()

    def kill(self):
        """Ends it as a power cut does."""
        self.process.kill()
        self.process.wait()

    def remove(self):
        self.stop()
        shutil.rmtree(self.home, ignore_errors=True)

    def call(self, method, path, body=None, key=None, headers=None, timeout=60):
        """A plain HTTP call: status, headers, parsed body."""
        data = body if isinstance(body, bytes | None) else json.dumps(body).encode()
        headers = {"Authorization": f"Bearer {key or self.api_key}", **(headers or {})}
        if data is not None:
            headers.setdefault("Content-Type", "application/json")
        request = urllib.request.Request(self.url + path, data=data, headers=headers, method=method)
        try:
            with urllib.request.urlopen(request, timeout=timeout) as answer:
                return answer.status, answer.headers, json.loads(answer.read() or b"null")
        except urllib.error.HTTPError as error:
            text = error.read()
            return error.code, error.headers, json.loads(text) if text else None
