"""Paying in, with the real binary and fakes of Stripe, Alipay and WeChat Pay: what was paid is credited once, whatever is
told, how often, in which order and by whom.
"""

import concurrent.futures
import itertools
import time
import urllib.error
import urllib.request
from contextlib import contextmanager
from dataclasses import replace
from decimal import Decimal

import pytest
from fake_alipay import FakeAlipay
from fake_stripe import FakeStripe
from fake_wechat_pay import FakeWechatPay
from payment_providers import Providers
from server import Server
from test_billing import balance, call, verified

CHECKOUTS = "/v1/organization/billing/checkouts"
RETURN = "https://console.example.com/billing?done=1"
UNKNOWN = "pay_000000000000000000000000"


def platform(providers):
    """A platform with a section for each of the fakes, which is not started yet."""
    # In all detail, since nothing secret is in it however much is logged.
    server = Server(log_level="debug")
    (server.home / "tenfold.toml").write_text("version = 1\n" + providers.config(server.home))
    return server


@contextmanager
def started(providers):
    """The platform and its fakes, up."""
    providers.open()
    server = platform(providers)
    try:
        yield server.start()
    finally:
        server.remove()
        providers.shut()


@pytest.fixture(scope="module")
def providers():
    return Providers(FakeStripe(), FakeAlipay(), FakeWechatPay())


@pytest.fixture(scope="module")
def bank(providers):
    """A platform with all three, whose balance has a nano-unit."""
    with started(providers) as server:
        call(server, "POST", "/v1/organization/billing/top_ups", {"amount": "0.000000001", "currency": "CNY"}, 201)
        yield server


@pytest.fixture(params=["stripe", "alipay", "wechat_pay"])
def fake(request, providers):
    """One provider after the other, which takes all that is asked of it."""
    fake = providers.fakes[request.param]
    yield fake
    assert fake.wrong == []


@contextmanager
def change(server, paid=0, owed=0):
    """By how much the balance changes, to the nano-unit; the ledger is right afterwards."""
    before = balance(server)
    yield
    now = balance(server)
    assert {name: now[name] - before[name] for name in ("paid", "owed", "held")} == {"paid": paid, "owed": owed, "held": 0}
    verified(server)


def asking(fake, amount="20", currency="CNY", **more):
    return {"provider": fake.name, "amount": amount, "currency": currency, "return_url": RETURN, **more}


def order_at(server, fake, **asked):
    return call(server, "POST", CHECKOUTS, asking(fake, **asked), 201)


def kept(server, order):
    return call(server, "GET", f"{CHECKOUTS}/{order['id']}", status=200)


def tell(server, fake, note):
    """Sends a notification as the provider does: without a key of ours."""
    address = f"{server.url}/v1/billing/notifications/{fake.name}"
    request = urllib.request.Request(address, data=note.body, headers=note.headers, method="POST")
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.read()


def tell_all(server, fake, notes):
    """All of them at once, and again what was not dealt with, as every provider does."""
    for _ in range(10):
        with concurrent.futures.ThreadPoolExecutor(len(notes)) as pool:
            answers = list(pool.map(lambda note: tell(server, fake, note), notes))
        assert set(answers) <= {fake.accepts, fake.refuses}
        notes = [note for note, answer in zip(notes, answers, strict=True) if answer == fake.refuses]
        if not notes:
            return
    raise AssertionError(f"{len(notes)} notifications were never dealt with")


def spend(server, amount, currency="CNY"):
    """A plan of that price is paid from the balance."""
    body = {"name": "all", "amount": str(amount), "currency": currency}
    plan = call(server, "POST", "/v1/organization/billing/plans", body, 201)
    made = call(server, "POST", "/v1/organization/billing/subscriptions", {"plan": plan["id"]}, 201)
    call(server, "DELETE", f"/v1/organization/billing/subscriptions/{made['id']}?when=now", status=200)


def test_an_order_is_shown_paid_and_credited_once(bank, fake):
    with change(bank, paid=Decimal("12.34")):
        order = order_at(bank, fake, amount="12.34")
        assert {name: order.get(name) for name in ("redirect_url", "qr_code") if name in order} == fake.shown(order)
        assert (order["object"], order["provider"], order["status"]) == ("billing.checkout", fake.name, "pending")
        assert (order["amount"], order["currency"], order["refunded"]) == ("12.340000000", "CNY", "0.000000000")
        assert order["expires_at"] - order["created_at"] == 3600
        amount, currency, return_url = fake.ordered(order)
        assert (amount, currency) == (Decimal("12.34"), "CNY") and return_url in (RETURN, None)
        shown = kept(bank, order)
        assert shown["status"] == "pending" and not {"redirect_url", "qr_code"} & set(shown), "it is told once"
        news = fake.note("paid", order)
        # The same bytes, and the same news in a new envelope with a signature of its own.
        for note in [news, news, fake.note("paid", order), news]:
            assert tell(bank, fake, note) == fake.accepts
    assert kept(bank, order) == {**shown, "status": "paid"}
    entries = call(bank, "GET", "/v1/organization/billing/entries?limit=100")["data"]
    [entry] = [entry for entry in entries if entry["transaction"] == f"payment:{order['id']}"]
    assert (entry["kind"], entry["amount"], entry["currency"]) == ("top_up", "12.340000000", "CNY")
    assert f"cash:{fake.name}" in entry["debit"] and "balance" in entry["credit"]


def test_news_that_comes_twenty_times_at_once_is_credited_once(bank, fake):
    with change(bank, paid=20):
        order = order_at(bank, fake)
        tell_all(bank, fake, [fake.note("paid", order)] * 10 + [fake.note("paid", order) for _ in range(10)])
    assert kept(bank, order)["status"] == "paid"


def test_what_is_forged_credits_nothing_and_is_refused(bank, fake):
    order, other = order_at(bank, fake), order_at(bank, fake)
    right, now = fake.note("paid", order), time.time()
    forged = {
        "another's key": fake.note("paid", order, key=fake.stranger),
        "the key that signs requests": fake.note("paid", order, key=getattr(fake, "merchant", fake.stranger)),
        "changed afterwards": right.changed(),
        "another's signature": right.with_proof_of(fake.note("paid", other)),
        "no signature": right.without_proof(),
        "too old": fake.note("paid", order, at=now - fake.stale_after - 5),
        "from the future": fake.note("paid", order, at=now + 310),
        "no body": replace(right, content=b""),
        "no text": replace(right, content=b"\xff\x00{"),
    }
    with change(bank):
        for name, note in forged.items():
            assert tell(bank, fake, note) == fake.refuses, name
        assert kept(bank, order)["status"] == kept(bank, other)["status"] == "pending"
    with change(bank, paid=20):
        assert tell(bank, fake, right) == fake.accepts
    assert kept(bank, other)["status"] == "pending"


# What a rightly signed notification says that does not fit, and how it is answered: what cannot be believed is refused;
# what is as odd when it comes again is acknowledged.
ODD = [
    ("stripe", "refuses", {"amount_total": 1}),
    ("stripe", "accepts", {"amount_total": 1, "marks": {"tenfold_amount": "1"}}),
    ("stripe", "refuses", {"currency": "eur"}),
    ("stripe", "accepts", {"currency": "eur", "marks": {"tenfold_currency": "eur"}}),
    ("stripe", "refuses", {"livemode": True}),
    ("stripe", "refuses", {"account": "acct_another"}),
    ("stripe", "refuses", {"client_reference_id": UNKNOWN}),
    ("stripe", "accepts", {"client_reference_id": UNKNOWN, "marks": {"tenfold_order_id": UNKNOWN}}),
    ("stripe", "accepts", {"metadata": {}}),
    ("stripe", "accepts", {"payment_status": "unpaid"}),
    ("alipay", "accepts", {"total_amount": "0.01"}),
    ("alipay", "refuses", {"total_amount": "20.001"}),
    ("alipay", "refuses", {"trans_currency": "USD"}),
    ("alipay", "refuses", {"settle_currency": "USD"}),
    ("alipay", "refuses", {"app_id": "2021000000000099"}),
    ("alipay", "refuses", {"seller_id": "2088000000000099"}),
    ("alipay", "accepts", {"out_trade_no": UNKNOWN}),
    ("alipay", "accepts", {"trade_status": "WAIT_BUYER_PAY"}),
    ("wechat_pay", "accepts", {"total": 1}),
    ("wechat_pay", "refuses", {"currency": "USD"}),
    ("wechat_pay", "refuses", {"mchid": "1900000999"}),
    ("wechat_pay", "refuses", {"appid": "wx0000000000000099"}),
    ("wechat_pay", "refuses", {"trade_state": "NOTPAY"}),
    ("wechat_pay", "refuses", {"v3_key": "0" * 32}),
    ("wechat_pay", "refuses", {"serial": "PUB_KEY_ID_0000000000000000000000000000"}),
    ("wechat_pay", "accepts", {"out_trade_no": UNKNOWN}),
]


@pytest.mark.parametrize("name, answer, odd", ODD, ids=[f"{name}-{'-'.join(odd)}" for name, _, odd in ODD])
def test_what_does_not_fit_the_order_credits_nothing(bank, providers, name, answer, odd):
    fake = providers.fakes[name]
    order = order_at(bank, fake)
    with change(bank):
        assert tell(bank, fake, fake.note("paid", order, **odd)) == getattr(fake, answer)
        assert kept(bank, order)["status"] == "pending"
    with change(bank, paid=20):
        assert tell(bank, fake, fake.note("paid", order)) == fake.accepts


def test_one_provider_says_nothing_of_anothers_order(bank, providers, fake):
    order = order_at(bank, fake)
    others = [other for other in providers.fakes.values() if other is not fake]
    with change(bank):
        for other in others:
            for what, parts in [("paid", ()), ("refunded", ["5"])]:
                assert tell(bank, other, other.note(what, order, parts)) == other.accepts, "it is as odd when it comes again"
            assert tell(bank, other, fake.note("paid", order)) == other.refuses, "a notification of somebody else"
        assert kept(bank, order)["status"] == "pending"


def test_the_sums_are_right_in_whatever_order_news_comes(bank, fake):
    told = [("paid", ()), ("refunded", ["5"]), ("refunded", ["5", "3"]), *((what, ()) for what in fake.unpaid)]
    for news in itertools.permutations(told):
        with change(bank, paid=12):
            order = order_at(bank, fake)
            for what, parts in news:
                assert tell(bank, fake, fake.note(what, order, parts)) == fake.accepts
        now = kept(bank, order)
        assert (now["status"], Decimal(now["refunded"])) == ("paid", 8), news


def test_an_order_that_was_not_paid_is_credited_when_its_money_comes_after_all(bank, fake):
    for what in fake.unpaid:
        order = order_at(bank, fake)
        with change(bank):
            assert tell(bank, fake, fake.note(what, order)) == fake.accepts
        assert kept(bank, order)["status"] == {"failed": "failed", "closed": "expired"}[what]
        with change(bank, paid=20):
            assert tell(bank, fake, fake.note("paid", order)) == fake.accepts
        assert kept(bank, order)["status"] == "paid"


def test_twenty_refunds_at_once_take_back_what_was_paid_and_no_more(bank, fake):
    with change(bank):
        order = order_at(bank, fake)
        refunds = [fake.note("refunded", order, ["1"] * number) for number in range(1, 21)]
        tell_all(bank, fake, [*refunds, fake.note("paid", order), *refunds])
        tell(bank, fake, fake.note("refunded", order, ["1"] * 21))
    now = kept(bank, order)
    assert (now["status"], Decimal(now["refunded"])) == ("refunded", 20)


def test_what_is_not_there_any_more_is_owed(bank, fake):
    order = order_at(bank, fake)
    tell(bank, fake, fake.note("paid", order))
    spend(bank, balance(bank)["paid"] - 5)
    with change(bank, paid=-5, owed=3):
        for _ in range(3):
            assert tell(bank, fake, fake.note("refunded", order, ["8"])) == fake.accepts
    with change(bank, owed=4):
        assert tell(bank, fake, fake.note("refunded", order, ["8", "4"])) == fake.accepts


def test_a_chargeback_is_taken_back_once(bank, providers):
    stripe = providers.fakes["stripe"]
    order = order_at(bank, stripe)
    with change(bank, paid=20):
        assert tell(bank, stripe, stripe.note("paid", order)) == stripe.accepts
        inquiry = stripe.dispute("created", order, "15", status="warning_needs_response")
        assert tell(bank, stripe, inquiry) == stripe.accepts, "an inquiry takes nothing"
    stripe.fault = (500, {}, b"{}")
    with change(bank):
        assert tell(bank, stripe, stripe.dispute("created", order, "15")) == stripe.refuses, "nobody says whose it is"
    stripe.fault = None
    spend(bank, balance(bank)["paid"] - 10)
    with change(bank, paid=-10, owed=5):
        tell_all(bank, stripe, [stripe.dispute(kind, order, "15") for kind in ("created", "funds_withdrawn") * 5])
    assert kept(bank, order)["status"] == "charged_back"
    with change(bank, owed=5):
        assert tell(bank, stripe, stripe.note("refunded", order, ["20"])) == stripe.accepts
    now = kept(bank, order)
    assert (now["status"], Decimal(now["refunded"])) == ("charged_back", 20)
    assert stripe.wrong == []


def test_a_dispute_that_is_won_gives_back_what_it_took(bank, providers):
    stripe = providers.fakes["stripe"]
    order = order_at(bank, stripe)
    won = stripe.dispute("funds_reinstated", order, "15", status="won")
    with change(bank, paid=20):
        assert tell(bank, stripe, stripe.note("paid", order)) == stripe.accepts
        assert tell(bank, stripe, won) == stripe.refuses, "it comes again: nothing was taken yet"
        assert tell(bank, stripe, stripe.dispute("funds_withdrawn", order, "15")) == stripe.accepts
        assert kept(bank, order)["status"] == "charged_back"
        tell_all(bank, stripe, [won] * 5)
    now = kept(bank, order)
    assert (now["status"], Decimal(now["refunded"])) == ("paid", 0)


def test_what_a_provider_does_not_take_is_never_asked_for(bank, fake):
    wrong = [
        ({"amount": "0"}, "amount"),
        ({"amount": "-5"}, "amount"),
        ({"amount": "20.001"}, "amount"),
        ({"currency": "yuan"}, "currency"),
        ({"return_url": "nowhere"}, "return_url"),
        ({"return_url": "javascript:alert(1)"}, "return_url"),
        ({"provider": "paypal"}, "provider"),
    ]
    if fake.name != "stripe":
        wrong.append(({"currency": "USD"}, "amount"))
    asked = len(fake.asked)
    for change_, param in wrong:
        assert call(bank, "POST", CHECKOUTS, asking(fake) | change_, 400)["error"]["param"] == param
    assert len(fake.asked) == asked


def test_a_page_of_alipays_is_signed_and_pays_an_order():
    alipay = FakeAlipay("page")
    with started(Providers(alipay)) as server:
        order = order_at(server, alipay)
        assert "qr_code" not in order and alipay.asked == [], "the payer asks, not the platform"
        with urllib.request.urlopen(order["redirect_url"], timeout=60) as page:
            assert page.status == 200
        assert alipay.ordered(order) == (20, "CNY", RETURN) and alipay.wrong == []
        assert tell(server, alipay, alipay.note("paid", order)) == alipay.accepts
        assert balance(server)["paid"] == 20 and verified(server)
