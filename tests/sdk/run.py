"""Starts one server, runs the Python and the Node tests against it, and ends it.

With arguments for pytest the Node tests are left out; with `--node` alone, the Python tests.
"""

import os
import subprocess
import sys
from pathlib import Path

from server import Server

HERE = Path(__file__).parent
# A short wait for slow bodies, so that the test of them is short too.
CONFIG = """
[http]
body_timeout_s = 3
header_timeout_s = 3
"""


def main(arguments):
    server = Server(CONFIG)
    try:
        server.start()
        keys = server.credentials()
        os.environ |= {
            "TENFOLD_TEST_HOME": str(server.home),
            "TENFOLD_TEST_PORT": str(server.port),
            "TENFOLD_TEST_PID": str(server.pid),
        }
        command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "--rootdir", HERE, "-q", "-ra", "--durations=5"]
        results = [0]
        if arguments != ["--node"]:
            results.append(subprocess.run([*command, *(arguments or [HERE])], cwd=HERE).returncode)
        if arguments in ([], ["--node"]):
            # Node finds its packages beside the tests only, so the tests go where the packages are.
            env = Path(os.environ["TENFOLD_SDK_ENV"])
            tests = env / "node"
            tests.mkdir(exist_ok=True)
            for old in tests.iterdir():
                old.unlink()
            for test in (HERE / "node").glob("*.js"):
                (tests / test.name).write_bytes(test.read_bytes())
            environment = {
                **os.environ,
                "TENFOLD_TEST_URL": f"{server.url}/v1",
                "TENFOLD_TEST_KEY": keys["api_key"],
                "TENFOLD_TEST_ADMIN_KEY": keys["admin_key"],
                "TENFOLD_TEST_PROJECT": keys["project_id"],
            }
            files = sorted(str(path) for path in tests.glob("*.test.js"))
            results.append(subprocess.run(["node", "--test", *files], cwd=env, env=environment).returncode)
        return max(results)
    finally:
        is_kept = "TENFOLD_TEST_KEEP" in os.environ
        server.stop()
        if is_kept:
            print(f"kept: {server.home}")
        else:
            server.remove()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
