"""Three platforms on one PostgreSQL: no limit and no balance is multiplied by their number."""

import asyncio
import http.server
import json
import shutil
import threading
from collections import Counter
from decimal import Decimal

import openai
import pytest
from postgres import Postgres
from server import Server
from test_billing import balance, call, verified

TOKENS = 5
NO_MODEL = '[models]\ndefault = ""\n'


class Upstream(http.server.BaseHTTPRequestHandler):
    """A fake of an upstream, which answers every chat with five tokens."""

    protocol_version = "HTTP/1.1"

    def do_POST(self):
        self.rfile.read(int(self.headers["content-length"]))
        choice = {"index": 0, "message": {"role": "assistant", "content": "one two three"}, "finish_reason": "stop"}
        usage = {"prompt_tokens": 3, "completion_tokens": TOKENS, "total_tokens": 3 + TOKENS}
        answer = {"id": "x", "object": "chat.completion", "created": 1, "model": "fake", "choices": [choice], "usage": usage}
        body = json.dumps(answer).encode()
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


@pytest.fixture(scope="module")
def platforms():
    database, servers = Postgres(), []
    upstream = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Upstream)
    upstream.daemon_threads = True
    threading.Thread(target=upstream.serve_forever, daemon=True).start()
    try:
        first = Server(NO_MODEL, database=database.url)
        servers.append(first)
        first.start()
        behind = {"base_url": f"http://127.0.0.1:{upstream.server_port}/v1", "api_key": "none", "model": "fake"}
        for name in ("paid", "free"):
            call(first, "POST", "/v1/deployments", {"name": name, "upstream": behind}, 201)
        for _ in range(2):
            other = Server(NO_MODEL, database=database.url)
            servers.append(other)
            # Keys are hashed with the pepper, so platforms on one database share it.
            for file in ("pepper", "credentials.json"):
                shutil.copy2(first.home / file, other.home / file)
            other.start()
        yield servers
    finally:
        for server in servers:
            server.remove()
        upstream.shutdown()
        database.remove()


async def calls(platforms, model, count):
    """So many calls at once, spread over the platforms: how many ended how."""
    clients = [
        openai.AsyncOpenAI(api_key=server.api_key, base_url=f"{server.url}/v1", max_retries=0, timeout=120)
        for server in platforms
    ]

    async def one(n):
        try:
            request = dict(model=model, messages=[{"role": "user", "content": "go"}], max_tokens=TOKENS)
            await clients[n % len(clients)].chat.completions.create(**request)
            return "served"
        except openai.APIStatusError as error:
            return error.code

    outcomes = await asyncio.gather(*(one(n) for n in range(count)))
    for client in clients:
        await client.close()
    return Counter(outcomes)


def test_a_balance_for_a_hundred_calls_pays_for_exactly_a_hundred_of_a_thousand(platforms):
    first, second, _ = platforms
    call(first, "POST", "/v1/organization/billing/profile", {"mode": "prepaid"}, 200)
    # Only answers have a price, so that the most that a call may cost is what it costs: a tenth of a dollar.
    prices = {"currency": "USD", "per_million": {"output_tokens": "20000"}}
    call(first, "PUT", "/v1/prices/paid", prices, 200)
    call(first, "POST", "/v1/organization/billing/top_ups", {"amount": "10", "currency": "USD"}, 201)
    seen, done = [], threading.Event()

    def watch():
        while not done.is_set():
            seen.append(balance(second))

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        outcomes = asyncio.run(calls(platforms, "paid", 1000))
    finally:
        done.set()
        watcher.join()
    assert outcomes == {"served": 100, "insufficient_quota": 900}
    assert seen and all(one["paid"] >= 0 and one["available"] >= 0 and one["owed"] == 0 for one in seen)
    now = balance(second)
    assert (now["paid"], now["held"], now["charged"]) == (0, 0, Decimal(10))
    assert verified(first)["holds"] == 0


def test_a_limit_is_not_multiplied_by_the_number_of_platforms(platforms):
    body = {"scope": "model", "subject": "free", "metric": "requests", "window": "day", "limit": 30}
    limit = call(platforms[0], "POST", "/v1/organization/billing/limits", body, 201)
    # Every platform has read it a second later; the ones that have not would not count at all.
    asyncio.run(asyncio.sleep(1.1))
    assert asyncio.run(calls(platforms, "free", 90)) == {"served": 30, "rate_limit_exceeded": 60}
    [shown] = call(platforms[2], "GET", "/v1/organization/billing/limits")["data"]
    assert (shown["id"], shown["used"], shown["remaining"]) == (limit["id"], 30, 0)
    status, headers, _ = platforms[1].call(
        "POST", "/v1/chat/completions", {"model": "free", "messages": [{"role": "user", "content": "go"}]}
    )
    assert status == 429 and 0 < int(headers["retry-after"]) <= 86_400, "until midnight"
