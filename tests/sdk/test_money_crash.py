"""The platform is killed again and again under clients that send again what was lost. No call is charged twice.

`TENFOLD_CRASH_ROUNDS` says how often: a few times unless it is set, and as often as one has time for.
"""

import http.client
import http.server
import json
import os
import random
import threading
import time
import uuid
from collections import Counter
from decimal import Decimal

from server import Server
from test_billing import balance, call, verified

ROUNDS = int(os.environ.get("TENFOLD_CRASH_ROUNDS", "5"))
CLIENTS = 12
TOKENS = 5
# A tenth of a dollar for an answer's five tokens, and nothing for a prompt.
PRICES = {"currency": "USD", "per_million": {"output_tokens": "20000"}}
COST = Decimal("0.1")
USAGE = {"prompt_tokens": 3, "completion_tokens": TOKENS, "total_tokens": 3 + TOKENS}


class Upstream(http.server.BaseHTTPRequestHandler):
    """A fake of an upstream: five tokens, whole or in pieces, or an error where it is asked for one."""

    protocol_version = "HTTP/1.1"

    def do_POST(self):
        request = json.loads(self.rfile.read(int(self.headers["content-length"])))
        if request["messages"][0]["content"] == "fail":
            return self.answer(500, "application/json", b'{"error": {"message": "broken", "type": "server_error"}}')
        head = {"id": "x", "created": 1, "model": "fake"}
        if not request.get("stream"):
            choice = {"index": 0, "message": {"role": "assistant", "content": "a b c d e"}, "finish_reason": "stop"}
            body = {**head, "object": "chat.completion", "choices": [choice], "usage": USAGE}
            return self.answer(200, "application/json", json.dumps(body).encode())
        self.send_response(200)
        self.send_header("content-type", "text/event-stream")
        self.send_header("connection", "close")
        self.end_headers()
        self.close_connection = True
        chunk = {**head, "object": "chat.completion.chunk"}
        try:
            for word in "abcde":
                choice = {"index": 0, "delta": {"content": word}, "finish_reason": None}
                self.event({**chunk, "choices": [choice]})
                time.sleep(0.004)
            self.event({**chunk, "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]})
            self.event({**chunk, "choices": [], "usage": USAGE})
            self.wfile.write(b"data: [DONE]\n\n")
        except OSError:
            pass  # Who asked is gone.

    def event(self, data):
        self.wfile.write(b"data: " + json.dumps(data).encode() + b"\n\n")

    def answer(self, status, kind, body):
        self.send_response(status)
        self.send_header("content-type", kind)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


class Listener(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_):
        pass  # A platform that is killed breaks its connections.


class Client(threading.Thread):
    """Calls without a pause, and sends what was lost again under its key."""

    def __init__(self, server, key, stop, seed):
        super().__init__(daemon=True)
        self.port, self.key, self.stop, self.random = server.port, key, stop, random.Random(seed)
        self.ended = []  # (the call's own key, how it was made, how it ended)

    def run(self):
        while not self.stop.is_set():
            kind = self.random.choices(["whole", "stream", "leave", "fail"], [5, 4, 2, 1])[0]
            key = uuid.uuid4().hex
            while (outcome := self.send(kind, key)) is None:
                time.sleep(0.01)
            self.ended.append((key, kind, outcome))

    def send(self, kind, key):
        """How it ended; nothing where nobody knows."""
        request = {"model": "m", "messages": [{"role": "user", "content": kind}], "max_tokens": TOKENS}
        request["stream"] = kind in ("stream", "leave")
        headers = {"authorization": f"Bearer {self.key}", "content-type": "application/json", "idempotency-key": key}
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            connection.request("POST", "/v1/chat/completions", json.dumps(request), headers)
            answer = connection.getresponse()
            if answer.status == 409:
                return None  # The first sending is under way still.
            if kind == "leave":
                answer.read(1)
                return "left"
            body = answer.read()
        except (OSError, http.client.HTTPException):
            return "left" if kind == "leave" else None
        finally:
            connection.close()
        if answer.status != 200:
            return f"status {answer.status}"
        whole = body.rstrip().endswith(b"data: [DONE]") if kind == "stream" else b'"usage"' in body
        return "served" if whole else None


def charged(server):
    """How often each call was charged, by its key: a transaction is named PROJECT:KEY:TIME."""
    found, after = Counter(), ""
    while True:
        page = call(server, "GET", f"/v1/organization/billing/entries?limit=100{after}")
        found.update(entry["transaction"].split(":")[1] for entry in page["data"] if entry["kind"] == "usage")
        if not page["has_more"]:
            return found
        after = f"&after={page['last_id']}"


def test_a_platform_that_is_killed_again_and_again_charges_every_call_once():
    upstream = Listener(("127.0.0.1", 0), Upstream)
    threading.Thread(target=upstream.serve_forever, daemon=True).start()
    server, stop, seed = Server('[models]\ndefault = ""\n'), threading.Event(), random.Random(7)
    try:
        server.start()
        behind = {"base_url": f"http://127.0.0.1:{upstream.server_port}/v1", "api_key": "none", "model": "fake"}
        call(server, "POST", "/v1/deployments", {"name": "m", "upstream": behind}, 201)
        call(server, "PUT", "/v1/prices/m", PRICES, 200)
        call(server, "POST", "/v1/organization/billing/profile", {"mode": "prepaid"}, 200)
        call(server, "POST", "/v1/organization/billing/top_ups", {"amount": "1000000", "currency": "USD"}, 201)
        clients = [Client(server, server.api_key, stop, n) for n in range(CLIENTS)]
        for client in clients:
            client.start()
        for _ in range(ROUNDS):
            time.sleep(seed.uniform(0.05, 0.6))
            server.kill()
            server.start()
        stop.set()
        for client in clients:
            client.join(60)
        assert not any(client.is_alive() for client in clients)

        ended = {key: (kind, outcome) for client in clients for key, kind, outcome in client.ended}
        served = {key for key, (_, outcome) in ended.items() if outcome == "served"}
        failed = {key for key, (kind, _) in ended.items() if kind == "fail"}
        left = {key for key, (kind, _) in ended.items() if kind == "leave"}
        assert {ended[key] for key in failed} <= {("fail", "status 502"), ("fail", "status 500")}
        assert len(served) + len(failed) + len(left) == len(ended), Counter(ended.values())
        assert served and failed and left
        found = charged(server)
        assert set(found.values()) == {1}, "nothing is charged twice"
        assert served <= set(found), "what was served is charged"
        assert not failed & set(found), "what failed is not"
        assert set(found) <= served | left
        now = balance(server)
        assert (now["held"], now["owed"]) == (0, 0)
        # Of who left is charged what was made, where the upstream said so.
        assert now["charged"] == COST * len(found)
        assert verified(server)["holds"] == 0
        print(f"{ROUNDS} kills, {len(ended)} calls: {len(served)} served, {len(failed)} failed, {len(left)} left")
    finally:
        stop.set()
        server.remove()
        upstream.shutdown()
