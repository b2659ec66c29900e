"""The money table: what a call's hold and settlement cost, beside `pgbench` on the same server in the same run."""

import json
import os
import shutil
import statistics
import subprocess
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path

WINDOWS = 3
CLIENTS = 32


def program(name):
    found = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"), key=lambda p: int(p.parts[4]))
    if not found:
        raise SystemExit(f"{name} is not installed: `make test` installs PostgreSQL")
    return str(found[-1])


@contextmanager
def postgres():
    """A server of our own on a Unix socket, durable as it comes out of the box."""
    folder = Path(tempfile.mkdtemp(prefix="tenfold-pg-", dir="/tmp"))
    as_user = {}
    if os.getuid() == 0:
        shutil.chown(folder, "postgres")
        as_user = {"user": "postgres", "group": "postgres", "cwd": "/"}
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, **as_user}
    subprocess.run([program("initdb"), "-A", "trust", "-U", "tenfold", "-D", folder / "data"], check=True, **quiet)
    server = subprocess.Popen([program("postgres"), "-D", folder / "data", "-k", folder, "-c", "listen_addresses=",
                               "-c", "shared_buffers=256MB", "-c", "max_wal_size=4GB"], **quiet)
    try:
        while subprocess.run([program("pg_isready"), "-q", "-h", folder, "-U", "tenfold"]).returncode:
            time.sleep(0.1)
        for name in ("tenfold", "pgbench"):
            subprocess.run([program("createdb"), "-h", folder, "-U", "tenfold", name], check=True)
        yield folder
    finally:
        server.terminate()
        server.wait()
        shutil.rmtree(folder, ignore_errors=True)


def pgbench(folder, seconds):
    command = [program("pgbench"), "-h", folder, "-U", "tenfold", "-c", str(CLIENTS), "-j", "2", "-T", str(seconds),
               "-n", "-M", "prepared", "pgbench"]
    out = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return float(next(line for line in out.splitlines() if line.startswith("tps")).split()[2])


def calls(rate, place, count, *options):
    command = [rate, str(place), str(count), *map(str, options)]
    lines = subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()
    return [json.loads(line) for line in lines]


def fsyncs(folder, seconds=2):
    """Flushes a second of a file that grows by 8 KiB, and the slowest hundredth of them in ms: what one commit after the
    other can reach here."""
    path = Path(folder) / "fsync"
    end, took = time.monotonic() + seconds, []
    with open(path, "wb", buffering=0) as file:
        while time.monotonic() < end:
            began = time.monotonic()
            file.write(bytes(8192))
            os.fdatasync(file.fileno())
            took.append(time.monotonic() - began)
    path.unlink()
    return len(took) / seconds, statistics.quantiles(took, n=100)[98] * 1e3


def money(target, curve, count=60_000):
    rate = f"{target}/debug/examples/ledger_rate"
    print(f"\n## Money: hold and settlement of a call, {CLIENTS} clients, one payer\n")
    with postgres() as folder, tempfile.TemporaryDirectory() as home:
        subprocess.run([program("pgbench"), "-h", folder, "-U", "tenfold", "-i", "-q", "-s", "20", "pgbench"],
                       check=True, capture_output=True)
        url = f"postgres://tenfold@localhost/tenfold?host={folder}"
        theirs, ours, lite = [], [], []
        for _ in range(WINDOWS):
            theirs.append(pgbench(folder, 8))
            ours.append(calls(rate, url, count, CLIENTS, 1)[0])
            lite.append(calls(rate, home, count, CLIENTS, 1)[0])
        median = lambda windows, field: statistics.median(w[field] for w in windows)
        tps = statistics.median(theirs)
        print("| | calls/s | of pgbench's TPC-B-like (20 branches) | CPU µs of ours a call | p50 / p99 ms of both waits |")
        print("| --- | ---: | ---: | ---: | ---: |")
        print(f"| pgbench, PostgreSQL | {tps:.0f} | 1 | | |")
        for name, windows in (("Tenfold, PostgreSQL", ours), ("Tenfold, SQLite", lite)):
            per_second = median(windows, "calls_per_second")
            print(f"| {name} | {per_second:.0f} | **{per_second / tps:.2f}** | {median(windows, 'cpu_micros'):.0f} | "
                  f"{median(windows, 'p50_ms'):.1f} / {median(windows, 'p99_ms'):.1f} |", flush=True)
        for name, place in (("PostgreSQL", url), ("SQLite", home)):
            alone = calls(rate, place, 4000, 1, 1)[0]
            print(f"\nOne call at a time, {name}: hold and settlement together {alone['p50_ms']:.2f} ms, "
                  f"p99 {alone['p99_ms']:.2f} ms.", end="")
        rate_of_flushes, slow = fsyncs(home)
        print(f"\n\nOne flush after the other on this disk: {rate_of_flushes:.0f}/s, p99 {slow:.2f} ms.")
        print(f"\nAs the ledger grows (SQLite, 64 clients, 10 payers):\n\n| calls | calls/s | CPU µs a call |\n| ---: | ---: | ---: |")
        lines = calls(rate, home, curve, 64, 10, max(curve // 10, 1))
        *parts, proof, close = lines
        for line in parts:
            print(f"| {line['calls']} | {line['calls_per_second']} | {line['cpu_micros']} |")
        print(f"\n{proof['entries']} entries verified in {proof['verified_in_seconds']} s, {proof['faults']} faults.")
        print(f"A month of {close['closed_calls']} calls closed in {close['closed_in_seconds']} s: {close['invoices']} invoices, "
              f"{close['more_mib']} MiB more than before.", flush=True)
