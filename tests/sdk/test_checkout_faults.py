"""Paying in when something is wrong: a provider that is down, slow or odd, a platform that is killed, a configuration that
lacks something; and what is logged of it all.
"""

import concurrent.futures
import threading
import time
from decimal import Decimal

import pytest
from fake_stripe import FakeStripe
from payment_providers import PAYER_ID, PAYER_NAME, Providers
from test_billing import balance, call, verified
from test_checkouts import (  # noqa: F401, the fixtures
    CHECKOUTS,
    UNKNOWN,
    asking,
    bank,
    change,
    fake,
    kept,
    order_at,
    platform,
    providers,
    started,
    tell,
    tell_all,
)

# Each secret's file, and the field of `[payments]` that names it.
FILES = {
    "stripe-key": "stripe.secret_key_file",
    "stripe-webhook": "stripe.webhook_secret_file",
    "alipay-private-key": "alipay.private_key_file",
    "alipay-public-key": "alipay.alipay_public_key_file",
    "wechat-private-key": "wechat.private_key_file",
    "wechat-api-v3-key": "wechat.api_v3_key_file",
    "wechat-platform-key": "wechat.platform_keys.public_key_file",
}


def failed(bank, fake):
    """An order that its provider did not take, as far as anybody here knows."""
    error = call(bank, "POST", CHECKOUTS, asking(fake), 502)["error"]
    assert fake.name in error["message"] and PAYER_NAME not in str(error)
    [order] = call(bank, "GET", f"{CHECKOUTS}?limit=1")["data"]
    assert (order["provider"], order["status"]) == (fake.name, "failed")
    return order


def credited_all_the_same(bank, fake, order):
    with change(bank, paid=20):
        for _ in range(2):
            assert tell(bank, fake, fake.note("paid", order)) == fake.accepts
    assert kept(bank, order)["status"] == "paid"


@pytest.mark.parametrize("status, body", [(500, b"{}"), (429, b"busy"), (200, b"<html>"), (200, b"{}"), (302, b"")])
def test_a_provider_that_answers_with_an_error_fails_the_order(bank, providers, fake, status, body):
    fake.fault = (status, {"location": f"{providers.url}{fake.path}elsewhere"}, body)
    asked = len(fake.asked)
    with change(bank):
        order = failed(bank, fake)
    fake.fault = None
    assert len(fake.asked) == asked + 1, "asked once, and not elsewhere"
    credited_all_the_same(bank, fake, order)


@pytest.mark.parametrize("name", ["alipay", "wechat_pay"])
def test_a_code_that_the_provider_did_not_sign_is_not_shown(bank, providers, name):
    fake = providers.fakes[name]
    fake.ours, fake.stranger = fake.stranger, fake.ours
    try:
        order = failed(bank, fake)
    finally:
        fake.ours, fake.stranger = fake.stranger, fake.ours
    credited_all_the_same(bank, fake, order)


def test_a_provider_that_is_down_fails_the_order(bank, providers, fake):
    providers.shut()
    try:
        with change(bank):
            order = failed(bank, fake)
    finally:
        providers.open()
    credited_all_the_same(bank, fake, order)


def test_providers_that_do_not_answer_fail_the_order_after_half_a_minute(bank, providers):
    fakes = providers.fakes.values()
    for fake in fakes:
        fake.answers.clear()
    began = time.monotonic()
    try:
        with change(bank), concurrent.futures.ThreadPoolExecutor(3) as pool:
            made = [pool.submit(call, bank, "POST", CHECKOUTS, asking(fake), 502) for fake in fakes]
            concurrent.futures.wait(made)
            assert all(one.result()["error"]["message"] for one in made)
            assert 29 < time.monotonic() - began < 45
    finally:
        for fake in fakes:
            fake.answers.set()
    orders = {order["provider"]: order for order in call(bank, "GET", f"{CHECKOUTS}?limit=3")["data"]}
    assert set(orders) == set(providers.fakes) and {order["status"] for order in orders.values()} == {"failed"}
    for name, order in orders.items():
        credited_all_the_same(bank, providers.fakes[name], order)


def test_a_platform_that_is_killed_before_it_is_told_credits_it_when_it_is_told(bank, fake):
    order = order_at(bank, fake)
    bank.kill()
    bank.start()
    assert kept(bank, order)["status"] == "pending"
    credited_all_the_same(bank, fake, order)


def test_a_platform_that_is_killed_while_it_is_told_credits_everything_once(bank, providers):
    fakes = providers.fakes.values()
    for round in range(4):
        orders = [(fake, order_at(bank, fake)) for fake in fakes for _ in range(4)]
        news = [(fake, fake.note(what, order, parts)) for fake, order in orders
                for what, parts in [("paid", ()), ("refunded", ["5"]), ("refunded", ["5", "3"])] * 2]
        before, dealt_with = balance(bank), threading.Semaphore(0)

        def one(told):
            try:
                tell(bank, *told)
            except OSError:
                pass  # It is dead.
            dealt_with.release()

        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            for told in news:
                pool.submit(one, told)
            for _ in range(3 + 12 * round):
                dealt_with.acquire()
            bank.kill()
        bank.start()
        for fake in fakes:
            tell_all(bank, fake, [note for teller, note in news if teller is fake])
        assert balance(bank)["paid"] - before["paid"] == 12 * len(orders)
        for _, order in orders:
            now = kept(bank, order)
            assert (now["status"], Decimal(now["refunded"])) == ("paid", 8)
        verified(bank)


def test_nothing_secret_is_logged(bank, providers):
    told = []
    for fake in providers.fakes.values():
        order = order_at(bank, fake)
        told += [fake.note("paid", order), fake.note("paid", order, key=fake.stranger), fake.note("refunded", order, ["5"])]
        for note in told[-3:]:
            tell(bank, fake, note)
    secret = [PAYER_NAME, PAYER_ID, PAYER_ID.replace("@", "%40"), PAYER_NAME.replace(" ", "+")]
    for fake in providers.fakes.values():
        lines = [line for text in fake.files().values() for line in text.splitlines()]
        secret += [line for line in lines if not line.startswith("-----")]
    for note in told:
        secret += [note.content.decode(), note.event_id, *(v for v in note.proof.values() if len(v) > 40)]
    log = bank.log_text()
    assert "DEBUG" in log and "a payment notification was not dealt with" in log
    assert [text for text in secret if text in log] == []


def test_a_platform_with_stripe_alone_has_no_address_for_the_others(providers):
    stripe = FakeStripe()
    with started(Providers(stripe)) as server:
        for fake in providers.fakes.values():
            status, _ = tell(server, fake, fake.note("paid", {"id": UNKNOWN, "amount": "20", "currency": "CNY"}))
            assert status == (400 if fake.name == "stripe" else 404)
        for name in ("alipay", "wechat_pay"):
            error = call(server, "POST", CHECKOUTS, asking(providers.fakes[name]), 400)["error"]
            assert error["param"] == "provider" and "`stripe`" in error["message"]
        order = order_at(server, stripe, currency="USD")
        assert tell(server, stripe, stripe.note("paid", order)) == stripe.accepts
        assert balance(server)["paid"] == 20


def test_a_secret_that_is_missing_keeps_the_platform_from_starting(providers):
    server = platform(providers)
    try:
        for file, field in FILES.items():
            path, right = server.home / file, (server.home / file).read_text()
            for wrong, named in [("", f"payments.{field}"), (None, f"payments.{field}"), ("x", field.split(".")[-1][:-5])]:
                path.unlink() if wrong is None else path.write_text(wrong)
                with pytest.raises(AssertionError, match="the server ended with") as ended:
                    server.start()
                assert named in str(ended.value).replace("platform_keys.public_key`", "public_key"), ended.value
                server.log.unlink()
            path.write_text(right)
        config = server.home / "tenfold.toml"
        whole = config.read_text()
        for line in [line for line in whole.splitlines() if "_file" in line or "public_url" in line]:
            config.write_text(whole.replace(line, ""))
            with pytest.raises(AssertionError, match=line.split(" ")[0]):
                server.start()
            server.log.unlink()
    finally:
        server.remove()
