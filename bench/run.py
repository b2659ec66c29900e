"""The benchmark tables: the gateway beside TensorZero's, the engine beside llama.cpp's own server.

Both sides of a row are measured in one run, in alternating windows; a window with a failed call is invalid and
does not count. Beside each figure stands the rig's floor: the same load straight on the mock upstream.
"""

import argparse
import json
import os
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from contextlib import contextmanager
from pathlib import Path

from money import money

WINDOWS = 4


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def wait_for(url, process, seconds=180, headers=None):
    end = time.time() + seconds
    while time.time() < end:
        if process is not None and process.poll() is not None:
            raise SystemExit(f"{url}: the server ended with {process.returncode}")
        try:
            request = urllib.request.Request(url, headers=headers or {})
            with urllib.request.urlopen(request, timeout=2) as answer:
                if answer.status < 500:
                    return
        except OSError:
            time.sleep(0.1)
    raise SystemExit(f"{url}: not ready after {seconds} s")


@contextmanager
def server(command, env=None, cpu=None, log=None):
    if cpu is not None:
        command = ["taskset", "-c", str(cpu), *command]
    out = open(log, "wb") if log else subprocess.DEVNULL
    process = subprocess.Popen(command, env={**os.environ, **(env or {})}, stdout=out, stderr=subprocess.STDOUT)
    try:
        yield process
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()


def rss_mb(pid):
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS"):
            return int(line.split()[1]) / 1024
    return float("nan")


def family_mb(pid):
    """Resident memory of a process and its children, as the workers are."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    for task in Path(f"/proc/{pid}/task").iterdir():
        if task.name != str(pid):
            children += (task / "children").read_text().split()
    return rss_mb(pid) + sum(family_mb(int(child)) for child in set(children))


def cpu_seconds(pid):
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def post(url, key, body, method="POST"):
    request = urllib.request.Request(url, json.dumps(body).encode(), method=method, headers={
        "authorization": f"Bearer {key}", "content-type": "application/json"})
    with urllib.request.urlopen(request, timeout=60) as answer:
        return json.load(answer)


def load(rig, target, seconds, **options):
    command = ["taskset", "-c", str(rig.load_cpu), rig.load, "--address", target.address, "--path", target.path,
               "--key", target.key, "--model", target.model, "--seconds", str(seconds)]
    for name, value in options.items():
        if value is True:
            command.append(f"--{name}")
        elif value not in (None, False):
            command += [f"--{name.replace('_', '-')}", str(value)]
    return json.loads(subprocess.check_output(command))


class Target:
    def __init__(self, name, address, path="/v1/chat/completions", key="none", model="mock", pid=None):
        self.name, self.address, self.path, self.key, self.model, self.pid = name, address, path, key, model, pid


class Rig:
    def __init__(self, target_dir):
        self.load = f"{target_dir}/debug/load"
        self.mock = f"{target_dir}/debug/mock_upstream"
        self.tenfold = f"{target_dir}/debug/tenfold"
        # One core for what is measured, the other for the rig.
        self.gateway_cpu, self.load_cpu = 0, 1


@contextmanager
def tenfold(rig, home, upstream=None, env=None, cpu=None):
    port = free_port()
    address = f"127.0.0.1:{port}"
    (home / "tenfold.toml").write_text('version = 1\n[models]\ndefault = ""\n')
    settings = {"TENFOLD_HOME": str(home), "TENFOLD_LISTEN": address, **(env or {})}
    with server([rig.tenfold, "serve"], settings, cpu, home / "log") as process:
        wait_for(f"http://{address}/readyz", process)
        credentials = json.loads((home / "credentials.json").read_text())
        if upstream:
            admin = credentials["admin_key"]
            post(f"http://{address}/v1/deployments", admin, {
                "name": "mock", "upstream": {"base_url": f"http://{upstream}/v1", "model": "mock"},
                "max_concurrency": 4096})
            post(f"http://{address}/v1/prices/mock", admin, {
                "currency": "USD", "per_million": {"input_tokens": "0.15", "output_tokens": "0.60"}}, "PUT")
        yield Target("tenfold", address, key=credentials["api_key"], pid=process.pid)


TENSORZERO = """
import asyncio, sys, time, tensorzero
async def main():
    gateway = tensorzero._start_http_gateway(config_file=sys.argv[1], clickhouse_url=None, postgres_url=None,
                                             valkey_url=None, async_setup=False)
    print(gateway.base_url, flush=True)
    while True:
        time.sleep(3600)
asyncio.run(main())
"""


@contextmanager
def tensorzero(rig, folder, upstream):
    config = folder / "tensorzero.toml"
    config.write_text(f"""
[gateway]
observability.enabled = false
[models.mock]
routing = ["mock"]
[models.mock.providers.mock]
type = "openai"
model_name = "mock"
api_base = "http://{upstream}/v1/"
api_key_location = "env::OPENAI_API_KEY"
""")
    script = folder / "gateway.py"
    script.write_text(TENSORZERO)
    command = ["taskset", "-c", str(rig.gateway_cpu), sys.executable, str(script), str(config)]
    process = subprocess.Popen(command, env={**os.environ, "OPENAI_API_KEY": "none"}, stdout=subprocess.PIPE,
                               stderr=open(folder / "tensorzero.log", "wb"), text=True)
    try:
        # It logs to standard output too.
        url = next((line.strip() for line in process.stdout if line.startswith("http://")), None)
        if url is None:
            raise SystemExit((folder / "tensorzero.log").read_text()[-2000:])
        yield Target("tensorzero", url.removeprefix("http://").split("/")[0], "/openai/v1/chat/completions",
                     model="tensorzero::model_name::mock", pid=process.pid)
    finally:
        process.kill()
        process.wait()


def median_of(windows, field):
    return statistics.median(w[field] for w in windows)


def gateway(rig, seconds, connections=32):
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        upstream = f"127.0.0.1:{free_port()}"
        home = folder / "home"
        home.mkdir()
        with server([rig.mock, "--listen", upstream], cpu=rig.load_cpu), \
                tenfold(rig, home, upstream, cpu=rig.gateway_cpu) as ours, \
                tensorzero(rig, folder, upstream) as theirs:
            floor = Target("floor", upstream)
            print(f"\n## Gateway: {connections} connections, windows of {seconds} s, gateway on one core, load and mock on the other")
            print("Tenfold: authentication, price, limits and a durable event on. TensorZero: all of that off.\n")
            print("| profile | floor req/s | Tenfold req/s | TensorZero req/s | ratio | Tenfold CPU µs/req | p50 / p99 ms | TensorZero p50 / p99 ms | Tenfold MB |")
            print("| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |")
            profiles = [("1 kB JSON", {}), ("SSE, 200 tokens", {"stream": True}), ("100 kB body", {"prompt_bytes": 100_000})]
            saturation = {}
            for name, options in profiles:
                windows = {t.name: [] for t in (floor, ours, theirs)}
                used = 0
                for target in (floor, ours, theirs):
                    load(rig, target, 1, connections=connections, **options)
                while min(map(len, windows.values())) < WINDOWS and sum(map(len, windows.values())) < 12 * WINDOWS:
                    for target in (floor, ours, theirs):
                        before = cpu_seconds(target.pid) if target.pid else 0
                        window = load(rig, target, seconds, connections=connections, **options)
                        if window["failures"]:
                            print(f"<!-- a window of {target.name} had {window['failures']} failures -->")
                            continue
                        if target.pid:
                            window["cpu"] = (cpu_seconds(target.pid) - before) / window["requests"] * 1e6
                        windows[target.name].append(window)
                rps = {t: median_of(w, "requests_per_second") for t, w in windows.items()}
                saturation[name] = rps["tenfold"]
                us, them = windows["tenfold"], windows["tensorzero"]
                print(f"| {name} | {rps['floor']:.0f} | {rps['tenfold']:.0f} | {rps['tensorzero']:.0f} | "
                      f"**{rps['tenfold'] / rps['tensorzero']:.2f}** | {median_of(us, 'cpu'):.0f} | "
                      f"{median_of(us, 'p50_ms'):.1f} / {median_of(us, 'p99_ms'):.1f} | "
                      f"{median_of(them, 'p50_ms'):.1f} / {median_of(them, 'p99_ms'):.1f} | {rss_mb(ours.pid):.0f} |", flush=True)
            rate = saturation["1 kB JSON"] / 2
            rows = {t.name: [load(rig, t, seconds, connections=connections, rate=rate) for _ in range(WINDOWS)]
                    for t in (floor, ours, theirs)}
            print(f"\nAt half of saturation ({rate:.0f} req/s, 1 kB JSON):\n")
            print("| | p50 ms | p99 ms | added p50 | added p99 |\n| --- | ---: | ---: | ---: | ---: |")
            base = [median_of(rows["floor"], f) for f in ("p50_ms", "p99_ms")]
            for name, windows in rows.items():
                p50, p99 = median_of(windows, "p50_ms"), median_of(windows, "p99_ms")
                print(f"| {name} | {p50:.2f} | {p99:.2f} | {p50 - base[0]:.2f} | {p99 - base[1]:.2f} |", flush=True)
            print(f"\nResident memory after these windows: {rss_mb(ours.pid):.0f} MB (TensorZero in Python: {rss_mb(theirs.pid):.0f} MB)")


def memory(rig, requests):
    """Resident memory over many requests."""
    with tempfile.TemporaryDirectory() as folder:
        upstream = f"127.0.0.1:{free_port()}"
        home = Path(folder) / "home"
        home.mkdir()
        with server([rig.mock, "--listen", upstream]), tenfold(rig, home, upstream) as ours:
            print("\n## Resident memory over many requests\n\n| requests | MB | database MB |\n| ---: | ---: | ---: |")
            done = 0
            while done < requests:
                window = load(rig, ours, 20, connections=32)
                done += window["requests"]
                size = sum(f.stat().st_size for f in home.glob("tenfold.db*")) / 1e6
                print(f"| {done} | {rss_mb(ours.pid):.1f} | {size:.0f} |", flush=True)


XLLAMACPP = """
import sys, time, xllamacpp as xc
p = xc.CommonParams()
p.model.path = sys.argv[1]
p.port = int(sys.argv[2])
p.n_parallel, p.n_ctx = 8, 8 * 1024
p.cpuparams.n_threads = p.cpuparams_batch.n_threads = 2
s = xc.Server(p)
print("ready", flush=True)
time.sleep(36000)
"""


def engine(rig, seconds, cache, target_dir):
    print("\n## Engine: SmolLM2-135M Q4_1, 2 threads\n")
    model = cache / "models" / "smollm2-135m-instruct-q4_1.gguf"
    bench = f"{target_dir}/debug/examples/decode_bench"
    if Path(bench).exists():
        print(subprocess.check_output([bench, str(model)], text=True), flush=True)
    with tempfile.TemporaryDirectory() as folder:
        home, port = Path(folder) / "home", free_port()
        home.mkdir()
        script = Path(folder) / "server.py"
        script.write_text(XLLAMACPP)
        with server([sys.executable, str(script), str(model), str(port)]) as theirs_process:
            wait_for(f"http://127.0.0.1:{port}/health", theirs_process)
            with tenfold_with_model(rig, home) as ours:
                theirs = Target("xllamacpp", f"127.0.0.1:{port}", model="x", pid=theirs_process.pid)
                print("| clients | Tenfold tokens/s (whole platform) | xllamacpp server tokens/s | ratio | Tenfold MB, with worker | xllamacpp MB |\n| ---: | ---: | ---: | ---: | ---: | ---: |")
                for clients in (1, 8):
                    rates = {}
                    for target in (ours, theirs):
                        load(rig, target, 3, connections=clients, stream=True, max_tokens=64, prompt_bytes=60)
                    windows = {"tenfold": [], "xllamacpp": []}
                    for _ in range(WINDOWS):
                        for target in (ours, theirs):
                            windows[target.name].append(
                                load_unpinned(rig, target, seconds, connections=clients, stream=True, max_tokens=64, prompt_bytes=60))
                    rates = {t: median_of(w, "events_per_second") for t, w in windows.items()}
                    print(f"| {clients} | {rates['tenfold']:.1f} | {rates['xllamacpp']:.1f} | **{rates['tenfold'] / rates['xllamacpp']:.2f}** | "
                          f"{family_mb(ours.pid):.0f} | {family_mb(theirs.pid):.0f} |", flush=True)


def load_unpinned(rig, target, seconds, **options):
    pinned, rig.load_cpu = rig.load_cpu, "0,1"
    try:
        return load(rig, target, seconds, **options)
    finally:
        rig.load_cpu = pinned


@contextmanager
def tenfold_with_model(rig, home):
    address = f"127.0.0.1:{free_port()}"
    with server([rig.tenfold, "serve"], {"TENFOLD_HOME": str(home), "TENFOLD_LISTEN": address}, None, home / "log") as process:
        wait_for(f"http://{address}/readyz", process, 600)
        credentials = json.loads((home / "credentials.json").read_text())
        yield Target("tenfold", address, key=credentials["api_key"], model="smollm2-135m-instruct", pid=process.pid)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--target", required=True)
    parser.add_argument("--cache", type=Path, required=True)
    parser.add_argument("--seconds", type=float, default=5)
    parser.add_argument("--only", choices=["gateway", "engine", "memory", "money"])
    parser.add_argument("--requests", type=int, default=1_000_000, help="of the memory table")
    parser.add_argument("--calls", type=int, default=1_000_000, help="of the money table's curve; each is an entry")
    args = parser.parse_args()
    rig = Rig(args.target)
    if args.only in (None, "gateway"):
        gateway(rig, args.seconds)
    if args.only in (None, "engine"):
        engine(rig, args.seconds, args.cache, args.target)
    if args.only in (None, "memory"):
        memory(rig, args.requests)
    if args.only in (None, "money"):
        money(args.target, args.calls)


if __name__ == "__main__":
    main()
