"""Plans and spend alerts, with the real binary: what a plan covers, and who is told of what is spent."""

import base64
import hashlib
import hmac
import http.server
import json
import threading
import uuid
from decimal import Decimal

import openai
import pytest
from server import Server, wait_until
from test_billing import SAY, balance, call, client_of, price, verified

PLANS = "/v1/organization/billing/plans"
SUBSCRIPTIONS = "/v1/organization/billing/subscriptions"


@pytest.fixture(scope="module")
def bank():
    """A platform of its own, which may send webhooks to this machine."""
    # Nobody is at that mail server: alerts by e-mail can be made and none is sent.
    config = '''
[notifications]
allowed_hosts = ["127.0.0.1"]
[notifications.smtp]
host = "127.0.0.1"
port = 9
from = "Tenfold <alerts@example.com>"
tls = "none"
'''
    server = Server(config=config)
    try:
        yield server.start()
    finally:
        server.remove()


@pytest.fixture
def receiver():
    """Takes webhooks on a loopback port."""
    got = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["content-length"]))
            got.append((dict(self.headers.items()), body))
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_):
            pass

    listener = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=listener.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{listener.server_port}/hook", got
    listener.shutdown()


def test_a_plan_covers_calls_until_its_allowance_is_used_up(bank, model):
    price(bank, model)
    call(bank, "POST", "/v1/organization/billing/profile", {"mode": "prepaid"}, 200)
    call(bank, "POST", "/v1/organization/billing/top_ups", {"amount": "20", "currency": "USD"}, 201)
    windows = [{"metric": "requests", "amount": "2", "window": "rolling", "hours": 5}]
    body = {"name": "two calls", "amount": "20", "currency": "USD", "overage": "stop",
            "allowances": [{"models": [model], "windows": windows}]}
    plan = call(bank, "POST", PLANS, body, 201)
    key = {"idempotency-key": uuid.uuid4().hex}
    made = call(bank, "POST", SUBSCRIPTIONS, {"plan": plan["id"]}, 201, **key)
    again = call(bank, "POST", SUBSCRIPTIONS, {"plan": plan["id"]}, **key)
    assert made["id"] == again["id"] and balance(bank)["available"] == 0, "one subscription, charged once"

    client = client_of(bank)
    for _ in range(2):
        client.chat.completions.create(model=model, **SAY)
    with pytest.raises(openai.RateLimitError) as refused:
        client.chat.completions.create(model=model, **SAY)
    after = int(refused.value.response.headers["retry-after"])
    assert 5 * 3600 - 120 < after <= 5 * 3600, "until five hours after the first call"
    [one] = call(bank, "GET", SUBSCRIPTIONS)["data"]
    [level] = one["allowances"][0]["windows"]
    assert (level["used"], level["held"]) == ("2", "0")
    now = balance(bank)
    assert (now["paid"], now["owed"], now["charged"]) == (0, 0, 20), "the plan paid for both calls"
    ended = call(bank, "DELETE", f"{SUBSCRIPTIONS}/{one['id']}?when=now", status=200)
    assert ended["status"] == "ended"
    verified(bank)


def test_an_alert_arrives_once_and_signed(bank, model, receiver):
    url, got = receiver
    call(bank, "POST", "/v1/organization/billing/profile", {"mode": "postpaid"}, 200)
    body = {"currency": "USD", "interval": "month", "threshold_amount": 1,
            "notification_channel": {"type": "webhook", "url": url}}
    alert = call(bank, "POST", "/v1/organization/spend_alerts", body, 200)
    secret = base64.b64decode(alert["notification_channel"]["secret"].removeprefix("whsec_"))
    made = client_of(bank).chat.completions.create(model=model, **SAY)
    wait_until(lambda: got, 75, "the alert arrives")
    [(headers, body)] = got
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    expected = base64.b64encode(hmac.new(secret, signed, hashlib.sha256).digest()).decode()
    assert headers["webhook-signature"] == f"v1,{expected}"
    told = json.loads(body)
    assert (told["type"], told["data"]["alert_id"]) == ("spend_alert.reached", alert["id"])
    assert Decimal(told["data"]["spent_nanos"]) >= Decimal(made.usage.total_tokens) * 10**6
    shown = call(bank, "GET", "/v1/organization/spend_alerts")["data"]
    assert [one["notification_channel"] for one in shown] == [{"type": "webhook", "url": url}], "no secret"


def test_spend_alerts_have_the_shape_of_the_openai_sdk(bank):
    admin = openai.OpenAI(
        api_key=None, admin_api_key=bank.admin_key, base_url=f"{bank.url}/v1", max_retries=0
    ).admin.organization
    channel = {"type": "email", "recipients": ["a@example.com"], "subject_prefix": "[models]"}
    settings = {"currency": "USD", "interval": "month", "notification_channel": channel}
    for alerts, where, kind in [
        (admin.spend_alerts, (), "organization"),
        (admin.projects.spend_alerts, (bank.project_id,), "project"),
    ]:
        made = alerts.create(*where, threshold_amount=10**9, **settings)
        assert (made.object, made.threshold_amount) == (f"{kind}.spend_alert", 10**9)
        of = {"project_id": bank.project_id} if where else {}
        assert alerts.retrieve(made.id, **of) == made
        changed = alerts.update(made.id, threshold_amount=2 * 10**9, **settings, **of)
        assert changed.threshold_amount == 2 * 10**9 and changed.notification_channel.subject_prefix == "[models]"
        assert [one.id for one in alerts.list(*where, order="desc", limit=1).data] == [made.id]
        assert alerts.delete(made.id, **of).deleted
        with pytest.raises(openai.NotFoundError):
            alerts.retrieve(made.id, **of)
