"""A fake of Stripe: Checkout sessions, payments whose payer is not there, and signed events."""

import hashlib
import hmac
import json
import re
import secrets
import time
import uuid
from decimal import Decimal

from payment_providers import PAYER_ID, PAYER_NAME, Fake, Note, minor


class FakeStripe(Fake):
    name, path = "stripe", "/v1/"
    accepts, refuses = (200, b""), (400, b"")
    unpaid = ("failed", "closed")
    # What is asked of a session and of a payment; Stripe refuses a field that it does not know.
    SESSION = {
        "mode", "client_reference_id", "success_url", "cancel_url", "expires_at", "line_items[0][quantity]",
        "line_items[0][price_data][currency]", "line_items[0][price_data][unit_amount]",
        "line_items[0][price_data][product_data][name]", "adaptive_pricing[enabled]",
    }  # fmt: skip
    SAVING = {"customer_creation": "always", "payment_intent_data[setup_future_usage]": "off_session"}
    PAYMENT = {"amount", "currency", "customer", "payment_method", "off_session", "confirm", "description"}

    def __init__(self):
        super().__init__()
        self.key, self.webhook_key = f"sk_test_{secrets.token_hex(20)}", f"whsec_{secrets.token_hex(20)}"
        self.stranger = f"whsec_{secrets.token_hex(20)}"
        # By idempotency key: what was asked, and what was answered.
        self.told = {}
        self.intents = {}
        # Our ids of orders that were charged while their payer was not there, as often as money moved.
        self.charged = []
        # What becomes of a payment whose payer is not there: a status, or the code of a refusal.
        self.outcome = "succeeded"

    def files(self):
        return {"stripe-key": self.key, "stripe-webhook": self.webhook_key}

    def section(self, url):
        return f"""
[payments.stripe]
secret_key_file = "stripe-key"
webhook_secret_file = "stripe-webhook"
api_base = "{url}"
"""

    def take(self, request):
        if request.headers.get("authorization") != f"Bearer {self.key}":
            return self.error(401, "invalid_request_error", "api_key")
        if request.method == "GET":
            return self.ok(self.intents[request.path.removeprefix("/v1/payment_intents/")])
        assert request.headers["content-type"] == "application/x-www-form-urlencoded"
        form, key = request.form, request.headers["idempotency-key"]
        if key in self.told:
            asked, answer = self.told[key]
            assert asked == form, "another request under the same idempotency key"
            return answer
        make = {"/v1/checkout/sessions": self.session, "/v1/payment_intents": self.payment}[request.path]
        self.told[key] = (form, make(form))
        return self.told[key][1]

    def session(self, form):
        marks, of_payment = metadata(form, "metadata"), metadata(form, "payment_intent_data[metadata]")
        known = self.SESSION | {f"metadata[{name}]" for name in marks}
        known |= {f"payment_intent_data[metadata][{name}]" for name in of_payment}
        saved = {name: form[name] for name in self.SAVING if name in form}
        assert set(form) == known | set(saved) and saved in ({}, self.SAVING), set(form) ^ known
        assert bool(saved) == ("tenfold_save_method" in marks)
        assert form["mode"] == "payment" and form["adaptive_pricing[enabled]"] == "false"
        assert 1800 <= int(form["expires_at"]) - time.time() <= 24 * 3600
        order = form["client_reference_id"]
        currency, amount = (form[f"line_items[0][price_data][{name}]"] for name in ("currency", "unit_amount"))
        kept = {"customer": f"cus_{order}", "payment_method": f"pm_{order}"} if saved else {}
        # The payer pays at once, as far as whoever asks for the payment is concerned.
        self.intent(f"pi_{order}", int(amount), currency, of_payment, "succeeded", **kept)
        return self.ok({
            "id": f"cs_test_{order}", "object": "checkout.session", "client_reference_id": order, "status": "open",
            "payment_status": "unpaid", "url": f"https://checkout.stripe.com/c/pay/cs_test_{order}",
        })  # fmt: skip

    def payment(self, form):
        marks = metadata(form, "metadata")
        assert set(form) == self.PAYMENT | {f"metadata[{name}]" for name in marks}, form
        assert (form["off_session"], form["confirm"]) == ("true", "true")
        # A way to pay works with its customer alone.
        assert form["customer"].removeprefix("cus_") == form["payment_method"].removeprefix("pm_")
        if self.outcome not in ("succeeded", "processing"):
            return self.error(402, "card_error", self.outcome)
        method = {name: form[name] for name in ("customer", "payment_method")}
        made = f"pi_{marks['tenfold_order_id']}"
        self.charged.append(marks["tenfold_order_id"])
        return self.ok(self.intent(made, int(form["amount"]), form["currency"], marks, self.outcome, **method))

    def intent(self, made, amount, currency, marks, status, **method):
        assert amount > 0 and re.fullmatch("[a-z]{3}", currency)
        self.intents[made] = {
            "id": made, "object": "payment_intent", "amount": amount, "currency": currency, "metadata": marks,
            "status": status, "customer": None, "payment_method": None, **method,
        }  # fmt: skip
        return self.intents[made]

    def ok(self, body):
        return 200, {"content-type": "application/json"}, json.dumps(body).encode()

    def error(self, status, kind, code):
        body = {"error": {"type": kind, "code": code, "message": f"{PAYER_NAME} cannot do this"}}
        return status, {"content-type": "application/json"}, json.dumps(body).encode()

    def shown(self, order):
        return {"redirect_url": f"https://checkout.stripe.com/c/pay/cs_test_{order['id']}"}

    def ordered(self, order):
        """The amount and the address that the order named to the provider."""
        form, _ = self.told[order["id"]]
        price = "line_items[0][price_data]"
        return Decimal(form[f"{price}[unit_amount]"]) / 100, form[f"{price}[currency]"].upper(), form["success_url"]

    def note(self, what, order, parts=(), key=None, at=None, **odd):
        """Stripe tells all that went back until then."""
        amount, currency = minor(order["amount"]), order["currency"].lower()
        marks = {"tenfold_order_id": order["id"], "tenfold_amount": str(amount), "tenfold_currency": currency}
        marks |= odd.pop("marks", {})
        made = {"metadata": marks, "currency": currency, "payment_intent": f"pi_{order['id']}"}
        made["customer_details"] = made["billing_details"] = {"name": PAYER_NAME, "email": PAYER_ID}
        if what == "refunded":
            made |= {"id": f"ch_{order['id']}", "amount": amount, "amount_refunded": minor(sum(map(Decimal, parts)))}
            return self.event("charge.refunded", made, key, at, **odd)
        made |= {"id": f"cs_test_{order['id']}", "client_reference_id": order["id"], "amount_total": amount}
        made["payment_status"] = "paid" if what == "paid" else "unpaid"
        kind = {"paid": "completed", "failed": "async_payment_failed", "closed": "expired"}[what]
        return self.event(f"checkout.session.{kind}", made, key, at, **odd)

    def recharge_note(self, kind, order, key=None, **odd):
        """The event of a payment whose payer is not there."""
        return self.event(f"payment_intent.{kind}", self.intents[f"pi_{order['id']}"], key, **odd)

    def dispute(self, kind, order, amount, status="needs_response"):
        made = {"id": f"dp_{order['id']}", "amount": minor(amount), "currency": order["currency"].lower()}
        return self.event(f"charge.dispute.{kind}", {**made, "status": status, "payment_intent": f"pi_{order['id']}"})

    def event(self, kind, made, key=None, at=None, **odd):
        event_id, at = f"evt_{uuid.uuid4().hex}", int(at or time.time())
        envelope = {"id": event_id, "object": "event", "livemode": False, "created": at, "account": None}
        envelope |= {name: odd.pop(name) for name in list(odd) if name in envelope}
        content = json.dumps({**envelope, "type": kind, "data": {"object": {**made, **odd}}}).encode()
        signed = hmac.new((key or self.webhook_key).encode(), f"{at}.".encode() + content, hashlib.sha256).hexdigest()
        return Note(content, {"stripe-signature": f"t={at},v1={signed}"}, event_id)


def metadata(form, owner):
    found = {name[len(owner) + 1 : -1]: value for name, value in form.items() if name.startswith(owner + "[")}
    assert {"tenfold_order_id", "tenfold_amount", "tenfold_currency"} - set(found) == set(), form
    return found
