"""Ways to pay that are kept, and balances that are recharged with them, with the real binary and a fake of Stripe: a
shortfall is charged once, whatever fails meanwhile.
"""

import json
import time
from decimal import Decimal

import pytest
from fake_alipay import FakeAlipay
from fake_stripe import FakeStripe
from payment_providers import PAYER_NAME, Providers
from server import wait_until
from test_billing import balance, call, verified
from test_checkouts import CHECKOUTS, asking, change, kept, order_at, spend, started, tell, tell_all

BILLING = "/v1/organization/billing"
METHODS, RECHARGE = f"{BILLING}/payment_methods", f"{BILLING}/auto_recharge"
# A balance is looked at every five seconds: until then a shortfall is charged, or nothing is any more.
SOON, QUIET = 30, 11


@pytest.fixture(scope="module")
def providers():
    return Providers(FakeStripe(), FakeAlipay())


@pytest.fixture(scope="module")
def bank(providers):
    with started(providers) as server:
        yield server


@pytest.fixture
def stripe(bank, providers):
    """Stripe, which takes all that is asked of it; nothing is recharged afterwards."""
    stripe = providers.fakes["stripe"]
    yield stripe
    stripe.outcome, stripe.fault = "succeeded", None
    stripe.answers.set()
    settled(bank)
    call(bank, "DELETE", RECHARGE, status=200)
    assert call(bank, "GET", RECHARGE)["status"] == "off"
    assert stripe.wrong == []
    verified(bank)


@pytest.fixture
def method(bank, stripe):
    """A way to pay that is kept, of a payer who has paid 20 dollars."""
    order = saving(bank, stripe)
    assert tell(bank, stripe, note_of_saving(stripe, order)) == stripe.accepts
    return methods(bank)[-1]["id"]


def saving(server, stripe):
    return order_at(server, stripe, currency="USD", save_payment_method=True)


def note_of_saving(stripe, order):
    return stripe.note("paid", order, marks={"tenfold_save_method": "1"})


def methods(server):
    return call(server, "GET", METHODS, status=200)["data"]


def recharge(server, method, status=200, **changes):
    """Recharges by ten dollars what is below the threshold."""
    body = {"payment_method": method, "threshold": "0", "amount": "10", "currency": "USD", **changes}
    return call(server, "POST", RECHARGE, body, status)


def shortfall(server, more="5"):
    """A threshold that is above what is left, and below what one charge makes of it."""
    return str(balance(server)["available"] + Decimal(more))


def settled(server):
    """How the balance is recharged, once no order is under way."""
    def is_settled():
        now = call(server, "GET", RECHARGE, status=200)
        return now if now["checkout_id"] is None else None

    return wait_until(is_settled, SOON, "no order is under way")


def asked(stripe):
    """What was asked of Stripe for payers who are not there: keys and forms, in their order."""
    found = [one for one in stripe.asked if (one.method, one.path) == ("POST", "/v1/payment_intents")]
    return [(one.headers["idempotency-key"], one.form) for one in found]


def wait_for_asked(stripe, count):
    return wait_until(lambda: asked(stripe)[count:], SOON, "Stripe is asked to charge")


def nothing_more_is_asked(stripe, seconds=QUIET):
    before = len(asked(stripe))
    time.sleep(seconds)
    assert len(asked(stripe)) == before


def newest(server):
    return call(server, "GET", f"{CHECKOUTS}?limit=1")["data"][0]


def test_a_way_to_pay_is_kept_once_it_has_paid(bank, stripe):
    plain = order_at(bank, stripe, currency="USD")
    assert not set(stripe.SAVING) & set(stripe.asked[-1].form)
    order = saving(bank, stripe)
    form = stripe.asked[-1].form
    assert stripe.SAVING.items() <= form.items() and form["metadata[tenfold_save_method]"] == "1"
    assert (plain["purpose"], order["purpose"]) == ("top_up", "top_up")
    before = methods(bank)
    assert tell(bank, stripe, stripe.note("paid", plain)) == stripe.accepts
    assert tell(bank, stripe, stripe.note("closed", saving(bank, stripe))) == stripe.accepts
    stripe.fault = (503, {}, b"{}")
    with change(bank):
        assert tell(bank, stripe, note_of_saving(stripe, order)) == stripe.refuses, "it comes again"
    stripe.fault = None
    assert methods(bank) == before
    with change(bank, paid=20):
        tell_all(bank, stripe, [note_of_saving(stripe, order) for _ in range(5)])
    assert (stripe.asked[-1].method, stripe.asked[-1].path) == ("GET", f"/v1/payment_intents/pi_{order['id']}")
    [made] = [one for one in methods(bank) if one not in before]
    assert set(made) == {"id", "object", "provider", "created_at"}, "nothing that only the provider has to know"
    assert made["id"].startswith("pay_method_")
    assert (made["object"], made["provider"]) == ("billing.payment_method", "stripe")
    assert abs(made["created_at"] - time.time()) < 60


def test_only_stripe_keeps_ways_to_pay(bank, providers):
    alipay = providers.fakes["alipay"]
    body = asking(alipay, save_payment_method=True)
    assert call(bank, "POST", CHECKOUTS, body, 400)["error"]["param"] == "save_payment_method"
    assert alipay.asked == [] and alipay.wrong == []


def test_an_order_is_for_an_amount_or_for_an_invoice(bank, stripe):
    count = len(stripe.asked)
    whole = asking(stripe, currency="USD")
    for body, param in [
        ({**whole, "invoice": "inv_0"}, "amount"),
        ({name: value for name, value in whole.items() if name != "amount"} | {"invoice": "inv_0"}, "currency"),
        ({"provider": "stripe", "return_url": whole["return_url"], "invoice": "inv_0"}, "invoice"),
        ({"provider": "stripe", "return_url": whole["return_url"]}, "amount"),
    ]:
        assert call(bank, "POST", CHECKOUTS, body, 400)["error"]["param"] == param
    assert len(stripe.asked) == count


def test_what_cannot_be_charged_is_refused_by_the_name_of_the_field(bank, stripe, method):
    for wrong, param in [
        ({"payment_method": "pay_method_000000000000000000000000"}, "payment_method"),
        ({"amount": "0"}, "amount"),
        ({"amount": "-1"}, "amount"),
        ({"threshold": "-1"}, "threshold"),
        ({"monthly_limit": "9.99"}, "monthly_limit"),
        ({"currency": "dollars"}, "currency"),
    ]:
        assert recharge(bank, method, 400, **wrong)["error"]["param"] == param
    assert call(bank, "GET", RECHARGE, status=200)["status"] == "off"


def test_a_shortfall_is_charged_once_however_often_it_is_told(bank, stripe, method):
    count, threshold = len(asked(stripe)), shortfall(bank)
    stripe.answers.clear()
    with change(bank, paid=10):
        made = recharge(bank, method, threshold=threshold)
        assert (made["object"], made["status"], made["payment_method"]) == ("billing.auto_recharge", "on", method)
        assert (Decimal(made["threshold"]), Decimal(made["amount"]), made["currency"]) == (Decimal(threshold), 10, "USD")
        assert (made["monthly_limit"], made["checkout_id"], made["failure"]) == (None, None, None)
        [(key, form)] = wait_for_asked(stripe, count)
        order = newest(bank)
        assert (order["id"], order["purpose"], order["status"]) == (key, "auto_recharge", "pending")
        assert call(bank, "GET", RECHARGE)["checkout_id"] == key
        assert (form["amount"], form["currency"], form["metadata[tenfold_recharge]"]) == ("1000", "usd", "1")
        assert form["metadata[tenfold_order_id]"] == key and form["description"]
        assert (form["metadata[tenfold_amount]"], form["metadata[tenfold_currency]"]) == ("1000", "usd")
        # The event is quicker than the answer, and comes five times.
        tell_all(bank, stripe, [stripe.recharge_note("succeeded", order) for _ in range(5)])
        assert kept(bank, order)["status"] == "paid"
        stripe.answers.set()
        now = settled(bank)
        assert tell(bank, stripe, stripe.recharge_note("succeeded", order)) == stripe.accepts
        assert Decimal(now["charged_this_month"]) == Decimal(made["charged_this_month"]) + 10
        nothing_more_is_asked(stripe)
    entries = call(bank, "GET", f"{BILLING}/entries?limit=100")["data"]
    assert [one["amount"] for one in entries if one["transaction"] == f"payment:{key}"] == ["10.000000000"]
    # The next shortfall is another order.
    with change(bank, paid=4):
        spend(bank, "6", "USD")
        [_, (next_key, _)] = wait_until(lambda: asked(stripe)[count + 1 :] and asked(stripe)[count:], SOON, "it is charged")
        settled(bank)
    assert next_key != key and stripe.charged.count(key) == stripe.charged.count(next_key) == 1


def test_no_more_is_charged_than_the_monthly_limit(bank, stripe, method):
    used = Decimal(recharge(bank, method)["charged_this_month"])
    count = len(asked(stripe))
    with change(bank, paid=20):
        recharge(bank, method, threshold=shortfall(bank, "1000"), monthly_limit=str(used + 25))
        wait_until(lambda: len(asked(stripe)) == count + 2, 2 * SOON, "both charges are made")
        now = settled(bank)
        nothing_more_is_asked(stripe)
    assert Decimal(now["charged_this_month"]) == used + 20
    with change(bank, paid=10):
        recharge(bank, method, threshold=shortfall(bank, "1000"), monthly_limit=str(used + 30))
        wait_for_asked(stripe, count + 2)
        assert Decimal(settled(bank)["charged_this_month"]) == used + 30


def test_a_platform_that_is_killed_before_the_answer_charges_once(bank, stripe, method):
    count = len(asked(stripe))
    stripe.answers.clear()
    with change(bank, paid=10):
        recharge(bank, method, threshold=shortfall(bank))
        [(key, form)] = wait_for_asked(stripe, count)
        bank.kill()
        assert stripe.charged.count(key) == 1, "the money has moved"
        stripe.answers.set()
        bank.start()
        assert wait_for_asked(stripe, count + 1) == [(key, form)], "it asks the same again"
        settled(bank)
        nothing_more_is_asked(stripe)
    assert stripe.charged.count(key) == 1 and kept(bank, {"id": key})["status"] == "paid"


def test_a_provider_that_fails_is_asked_the_same_until_it_answers(bank, stripe, method):
    count = len(asked(stripe))
    stripe.fault = (503, {}, b"{}")
    with change(bank):
        recharge(bank, method, threshold=shortfall(bank))
        wait_for_asked(stripe, count + 1)
        [first, second] = asked(stripe)[count:]
        assert first == second
        now = call(bank, "GET", RECHARGE)
        assert (now["status"], now["checkout_id"], now["failure"]) == ("on", first[0], None), "nobody knows yet"
    with change(bank, paid=10):
        stripe.fault = None
        settled(bank)
    assert stripe.charged.count(first[0]) == 1 and {one for one, _ in asked(stripe)[count:]} == {first[0]}


def test_a_card_that_is_declined_is_shown_and_not_tried_at_once(bank, stripe, method):
    count, used = len(asked(stripe)), recharge(bank, method)["charged_this_month"]
    stripe.outcome = "card_declined"
    with change(bank):
        recharge(bank, method, threshold=shortfall(bank))
        [(key, _)] = wait_for_asked(stripe, count)
        now = settled(bank)
        assert (now["status"], now["failure"], now["charged_this_month"]) == ("on", "card_declined", used)
        assert kept(bank, {"id": key})["status"] == "failed" and key not in stripe.charged
        nothing_more_is_asked(stripe)
    # Set again, it is tried at once, with another order.
    stripe.outcome = "succeeded"
    with change(bank, paid=10):
        recharge(bank, method, threshold=shortfall(bank))
        [(next_key, _)] = wait_for_asked(stripe, count + 1)
        assert settled(bank)["failure"] is None
    assert next_key != key


def test_a_charge_that_takes_days_is_credited_when_its_event_says_so(bank, stripe, method):
    count = len(asked(stripe))
    stripe.outcome = "processing"
    with change(bank):
        recharge(bank, method, threshold=shortfall(bank))
        [(key, _)] = wait_for_asked(stripe, count)
        nothing_more_is_asked(stripe)
        order = newest(bank)
        assert (order["id"], order["status"]) == (key, "pending")
        assert call(bank, "GET", RECHARGE)["checkout_id"] == key
        forged = stripe.recharge_note("succeeded", order, key=stripe.stranger)
        less = stripe.recharge_note("succeeded", order, amount=1)
        assert tell(bank, stripe, forged) == tell(bank, stripe, less) == stripe.refuses
        # A payment without our mark is told by its session.
        marks = {name: text for name, text in stripe.intents[f"pi_{key}"]["metadata"].items() if name != "tenfold_recharge"}
        assert tell(bank, stripe, stripe.recharge_note("succeeded", order, metadata=marks)) == stripe.accepts
        assert tell(bank, stripe, stripe.recharge_note("payment_failed", order)) == stripe.accepts
        assert kept(bank, order)["status"] == "failed" and settled(bank)["failure"]
    with change(bank, paid=10):
        recharge(bank, method, threshold=shortfall(bank))
        wait_for_asked(stripe, count + 1)
        wait_until(lambda: newest(bank)["id"] in stripe.charged, SOON, "the next one is processing")
        order = newest(bank)
        tell_all(bank, stripe, [stripe.recharge_note("succeeded", order) for _ in range(5)])
        settled(bank)
    assert kept(bank, order)["status"] == "paid"


def test_a_way_to_pay_that_was_forgotten_charges_nothing(bank, stripe, method):
    recharge(bank, method, threshold=str(balance(bank)["available"]))
    call(bank, "DELETE", f"{METHODS}/{method}", status=200)
    call(bank, "DELETE", f"{METHODS}/{method}", status=404)
    assert method not in [one["id"] for one in methods(bank)]
    spend(bank, "1", "USD")
    with change(bank):
        nothing_more_is_asked(stripe)
    assert call(bank, "GET", RECHARGE)["status"] != "on"
    assert recharge(bank, method, 400)["error"]["param"] == "payment_method"


def test_nothing_is_charged_once_it_is_off(bank, stripe, method):
    recharge(bank, method, threshold=str(balance(bank)["available"]))
    call(bank, "DELETE", RECHARGE, status=200)
    spend(bank, "1", "USD")
    with change(bank):
        nothing_more_is_asked(stripe)


def test_nothing_secret_is_logged_or_shown(bank, stripe):
    shown = json.dumps([call(bank, "GET", path) for path in (METHODS, RECHARGE, f"{CHECKOUTS}?limit=100")])
    log = bank.log_text()
    for text in [stripe.key, stripe.webhook_key, PAYER_NAME, "cus_pay_", "pm_pay_"]:
        assert text not in shown and text not in log
