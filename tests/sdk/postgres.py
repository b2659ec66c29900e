"""A PostgreSQL of the tests' own: a Unix socket in a temporary folder, gone with the test."""

import os
import pwd
import shutil
import subprocess
import tempfile
from pathlib import Path

from server import wait_until


def _program(name):
    """The newest installed one."""
    found = sorted(Path("/usr/lib/postgresql").glob(f"[0-9]*/bin/{name}"), key=lambda path: int(path.parts[-3]))
    assert found, "PostgreSQL is not installed: `make test` installs it"
    return str(found[-1])


class Postgres:
    def __init__(self):
        self.folder = tempfile.mkdtemp(prefix="tenfold-pg-", dir="/tmp")
        # It refuses to run as root.
        self.user = {"user": "postgres", "group": "postgres"} if os.geteuid() == 0 else {}
        if self.user:
            entry = pwd.getpwnam("postgres")
            os.chown(self.folder, entry.pw_uid, entry.pw_gid)
        data = f"{self.folder}/data"
        made = [_program("initdb"), "-N", "-A", "trust", "-U", "tenfold", "--no-locale", "-E", "UTF8", "-D", data]
        subprocess.run(made, check=True, cwd="/", stdout=subprocess.DEVNULL, **self.user)
        settings = ["listen_addresses=", "fsync=off", "max_connections=60"]
        command = [_program("postgres"), "-D", data, "-k", self.folder]
        for setting in settings:
            command += ["-c", setting]
        self.process = subprocess.Popen(
            command, cwd="/", stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, **self.user
        )
        ready = [_program("pg_isready"), "-q", "-U", "tenfold", "-h", self.folder]
        wait_until(lambda: subprocess.run(ready).returncode == 0, 60, "PostgreSQL is ready")
        create = [_program("createdb"), "-h", self.folder, "-U", "tenfold", "-T", "template0", "platform"]
        subprocess.run(create, check=True, cwd="/")

    @property
    def url(self):
        return f"postgres://tenfold@localhost/platform?host={self.folder}"

    def remove(self):
        self.process.terminate()
        self.process.wait(30)
        shutil.rmtree(self.folder, ignore_errors=True)
