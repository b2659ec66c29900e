"""Money: balances, budgets, the ledger, through the API, the official SDK and the command line."""

import concurrent.futures
import json
import os
import subprocess
import time
import uuid
from decimal import Decimal

import anthropic
import openai
import pytest
from server import Server, wait_until

SAY = dict(messages=[{"role": "user", "content": "Say hello."}], max_tokens=8, temperature=0)


@pytest.fixture(scope="module")
def bank():
    """A platform of its own, since what an organisation pays is of the whole organisation."""
    server = Server()
    try:
        yield server.start()
    finally:
        server.remove()


def call(server, method, path, body=None, status=None, **headers):
    got, _, answer = server.call(method, path, body, key=server.admin_key, headers=headers)
    assert status is None or got == status, answer
    return answer


def balance(server):
    [one] = call(server, "GET", "/v1/organization/billing/balance")["balances"]
    return {name: Decimal(value) for name, value in one.items() if name != "currency"}


def verified(server):
    found = call(server, "GET", "/v1/organization/billing/verification")
    assert found["clean"] and found["faults"] == [], found
    return found


def client_of(server):
    return openai.OpenAI(api_key=server.api_key, base_url=f"{server.url}/v1", max_retries=0, timeout=120)


def price(server, model, per_million="1000"):
    # A tenth of a cent a token, so that sums can be read.
    units = ("input_tokens", "cached_input_tokens", "output_tokens", "reasoning_tokens")
    body = {"currency": "USD", "per_million": {unit: per_million for unit in units}}
    call(server, "PUT", f"/v1/prices/{model}", body, 200)


def test_what_is_used_is_owed_to_the_nano_unit(bank, model):
    price(bank, model)
    made = client_of(bank).chat.completions.create(model=model, **SAY)
    cost = Decimal(made.usage.total_tokens) / 1000
    now = balance(bank)
    assert (now["owed"], now["charged"], now["paid"]) == (cost, cost, 0)
    [entry] = call(bank, "GET", "/v1/organization/billing/entries")["data"]
    assert Decimal(entry["amount"]) == cost and entry["kind"] == "usage" and entry["project_id"] == bank.project_id
    costs = call(bank, "GET", f"/v1/organization/costs?start_time={int(time.time()) - 60}")
    shown = sum(Decimal(r["amount"]["nanos"]) for b in costs["data"] for r in b["results"])
    assert shown / 10**9 == cost, "the report and the ledger are one number"
    assert verified(bank)["charged_calls"] == 1


def test_a_top_up_is_entered_once(bank):
    key = uuid.uuid4().hex
    body = {"amount": "12.000000001", "currency": "usd", "memo": "bank statement 17"}
    first = call(bank, "POST", "/v1/organization/billing/top_ups", body, 201, **{"idempotency-key": key})
    again = call(bank, "POST", "/v1/organization/billing/top_ups", body, **{"idempotency-key": key})
    assert first["entries"] == again["entries"] and balance(bank)["paid"] == Decimal("12.000000001")
    undo = {"transaction": first["id"], "kind": "refund"}
    assert call(bank, "POST", "/v1/organization/billing/reversals", undo, 201)["repeated"] is False
    assert call(bank, "POST", "/v1/organization/billing/reversals", undo, 200)["repeated"] is True
    assert balance(bank)["paid"] == 0
    for body, param in [
        ({"amount": "1e3", "currency": "USD"}, "amount"),
        ({"amount": "-1", "currency": "USD"}, "amount"),
        ({"amount": "0", "currency": "USD"}, "amount"),
        ({"amount": "0.0000000001", "currency": "USD"}, "amount"),
        ({"amount": "1", "currency": "dollars"}, "currency"),
    ]:
        assert call(bank, "POST", "/v1/organization/billing/top_ups", body, 400)["error"]["param"] == param
    verified(bank)


def test_a_balance_that_does_not_pay_for_a_call_refuses_it(bank, model):
    price(bank, model)
    call(bank, "POST", "/v1/organization/billing/profile", {"mode": "prepaid"}, 200)
    client = client_of(bank)
    try:
        with pytest.raises(openai.RateLimitError) as refused:
            client.chat.completions.create(model=model, **SAY)
        assert refused.value.code == "insufficient_quota" and "top up" in refused.value.message
        call(bank, "POST", "/v1/organization/billing/grants", {"amount": "0.02", "currency": "USD"}, 201)
        call(bank, "POST", "/v1/organization/billing/top_ups", {"amount": "1", "currency": "USD"}, 201)
        owed = balance(bank)["owed"]
        made = client.chat.completions.create(model=model, **SAY)
        now = balance(bank)
        cost = Decimal(made.usage.total_tokens) / 1000
        assert now["granted"] == 0, "credit that was given is used first"
        assert now["paid"] == Decimal("1.02") - cost and now["held"] == 0 and now["owed"] == owed
        # An answer without a bound may be as long as the context, which one dollar does not pay for.
        with pytest.raises(openai.RateLimitError):
            client.chat.completions.create(model=model, messages=SAY["messages"])
        with pytest.raises(openai.BadRequestError):
            client.chat.completions.create(model=model, **{**SAY, "temperature": 9})
        assert balance(bank)["paid"] == now["paid"] and balance(bank)["held"] == 0
        # A client that leaves is charged for what was made, and nothing stays held.
        stream = client.chat.completions.create(model=model, stream=True, **{**SAY, "max_tokens": 200})
        next(iter(stream))
        stream.close()
        wait_until(lambda: balance(bank)["held"] == 0, 20, "what was held is settled")
    finally:
        call(bank, "POST", "/v1/organization/billing/profile", {"mode": "postpaid"}, 200)
    verified(bank)


def test_calls_at_once_never_spend_more_than_there_is(bank, model):
    price(bank, model, "100")
    paid = balance(bank)["paid"]
    call(bank, "POST", "/v1/organization/billing/profile", {"mode": "prepaid"}, 200)
    client = client_of(bank)
    # 16 tokens of an answer and the prompt, at a hundredth of a cent: the balance holds some of them at once.
    most = Decimal(16 + 40) / 10_000
    call(bank, "POST", "/v1/organization/billing/budgets",
         {"scope": "organization", "window": "lifetime", "currency": "USD", "amount": str(balance(bank)["charged"] + 6 * most)}, 201)

    def one(_):
        try:
            client.chat.completions.create(model=model, **{**SAY, "max_tokens": 16})
            return "served"
        except openai.RateLimitError as error:
            return error.code

    try:
        with concurrent.futures.ThreadPoolExecutor(24) as pool:
            outcomes = list(pool.map(one, range(48)))
        [budget] = call(bank, "GET", "/v1/organization/billing/budgets")["data"]
        assert "served" in outcomes and "rate_limit_exceeded" in outcomes
        assert Decimal(budget["spent"]) <= Decimal(budget["amount"]) and Decimal(budget["held"]) == 0
        assert Decimal(budget["spent"]) == balance(bank)["charged"], "what enforces is what is shown"
        assert balance(bank)["paid"] < paid and balance(bank)["held"] == 0
    finally:
        for budget in call(bank, "GET", "/v1/organization/billing/budgets")["data"]:
            call(bank, "DELETE", f"/v1/organization/billing/budgets/{budget['id']}", status=200)
        call(bank, "POST", "/v1/organization/billing/profile", {"mode": "postpaid"}, 200)
    verified(bank)


def test_spend_limits_have_the_shape_of_the_openai_sdk(bank, model):
    price(bank, model)
    admin = openai.OpenAI(
        api_key=None, admin_api_key=bank.admin_key, base_url=f"{bank.url}/v1", max_retries=0
    ).admin.organization
    with pytest.raises(openai.NotFoundError):
        admin.spend_limit.retrieve()
    made = admin.projects.spend_limit.update(bank.project_id, currency="USD", interval="month", threshold_amount=0)
    assert made.object == "project.spend_limit" and made.enforcement.status == "enforcing"
    with pytest.raises(openai.RateLimitError) as refused:
        client_of(bank).chat.completions.create(model=model, **SAY)
    assert "spend per month" in refused.value.message
    assert admin.projects.spend_limit.delete(bank.project_id).deleted
    limit = admin.spend_limit.update(currency="USD", interval="month", threshold_amount=100_000)
    assert (limit.threshold_amount, limit.enforcement.status) == (100_000, "inactive")
    assert client_of(bank).chat.completions.create(model=model, **SAY).choices
    assert admin.spend_limit.retrieve() == limit
    assert admin.spend_limit.delete().object == "organization.spend_limit.deleted"


def test_the_command_line_shows_and_proves(bank):
    def run(*arguments):
        environment = {k: v for k, v in os.environ.items() if not k.startswith(("TENFOLD_", "OPENAI_"))}
        environment |= {"TENFOLD_HOME": str(bank.home), "TENFOLD_URL": bank.url}
        command = [os.environ["TENFOLD_BIN"], *arguments]
        return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60)

    before = balance(bank)["paid"]
    for _ in range(2):
        assert run("topup", "3.5", "--once", "statement-18").returncode == 0
    assert balance(bank)["paid"] == before + Decimal("3.5")
    shown = json.loads(run("balance", "--json").stdout)
    assert shown == call(bank, "GET", "/v1/organization/billing/balance")
    assert "AVAILABLE" in run("balance").stdout
    assert "top_up" in run("ledger", "list", "--limit", "5").stdout
    proof = run("ledger", "verify")
    assert proof.returncode == 0 and "all right" in proof.stdout + proof.stderr
    made = run("budgets", "set", "5", "--window", "day").stdout.strip()
    assert made in run("budgets", "list").stdout
    assert run("budgets", "delete", made).returncode == 0
    assert run("budgets", "delete", made).returncode != 0


def test_a_platform_that_is_killed_holds_nothing_afterwards(bank, model):
    price(bank, model)
    call(bank, "POST", "/v1/organization/billing/profile", {"mode": "prepaid"}, 200)
    call(bank, "POST", "/v1/organization/billing/top_ups", {"amount": "20", "currency": "USD"}, 201)
    client, answered = client_of(bank), []

    def one(_):
        try:
            made = client.chat.completions.create(model=model, **{**SAY, "max_tokens": 64})
            answered.append(Decimal(made.usage.total_tokens) / 1000)
        except openai.OpenAIError:
            pass

    before = balance(bank)["charged"]
    for round in range(3):
        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            calls = [pool.submit(one, n) for n in range(24)]
            concurrent.futures.wait(calls[: 4 + 3 * round])
            bank.kill()
            concurrent.futures.wait(calls)
        bank.start()
    now = balance(bank)
    assert now["held"] == 0, "what was held by the dead is free"
    assert now["charged"] - before >= sum(answered), "what was answered as complete is charged"
    assert verified(bank)["holds"] == 0
    call(bank, "POST", "/v1/organization/billing/profile", {"mode": "postpaid"}, 200)


def test_budgets_count_every_endpoint(bank, model):
    price(bank, model)
    body = {"scope": "model", "subject": model, "window": "day", "currency": "USD", "amount": "1000"}
    budget = call(bank, "POST", "/v1/organization/billing/budgets", body, 201)
    said, client = SAY["messages"], client_of(bank)
    claude = anthropic.Anthropic(api_key=bank.api_key, base_url=bank.url, max_retries=0, timeout=120)
    calls = [
        lambda: client.chat.completions.create(model=model, **SAY),
        lambda: list(client.chat.completions.create(model=model, stream=True, **SAY)),
        lambda: client.completions.create(model=model, prompt="Hello", max_tokens=4),
        lambda: client.responses.create(model=model, input="Hello", max_output_tokens=16),
        lambda: claude.messages.create(model=model, messages=said, max_tokens=8),
        lambda: client.embeddings.create(model=model, input="Hello"),
    ]
    try:
        call(bank, "PUT", f"/v1/prices/{model}", {"currency": "USD", "per_million": {
            unit: "1000" for unit in ("input_tokens", "cached_input_tokens", "output_tokens", "reasoning_tokens", "embedding_tokens")}}, 200)
        spent = Decimal(budget["spent"])
        for ask in calls:
            ask()
            [now] = call(bank, "GET", "/v1/organization/billing/budgets")["data"]
            assert Decimal(now["spent"]) > spent and Decimal(now["held"]) == 0
            spent = Decimal(now["spent"])
    finally:
        call(bank, "DELETE", f"/v1/organization/billing/budgets/{budget['id']}", status=200)
    verified(bank)


def test_a_voucher_is_redeemed_once_however_many_try(bank):
    body = {"count": 3, "amount": "2.5", "currency": "USD"}
    made = call(bank, "POST", "/v1/organization/billing/vouchers", body, 200)["data"]
    codes = [voucher["code"] for voucher in made]
    assert len(set(codes)) == 3
    paid = balance(bank)["paid"]

    def redeem(code):
        return bank.call("POST", "/v1/organization/billing/vouchers/redeem", {"code": code}, key=bank.admin_key)[0]

    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        outcomes = list(pool.map(redeem, [codes[0]] * 32))
    assert sorted(set(outcomes)) == [201, 404] and outcomes.count(201) == 1
    assert redeem(codes[1].lower().replace("-", " ")) == 201
    assert redeem("AAAAA-BBBBB-CCCCC-DDDDD") == 404 and redeem("") == 404
    assert balance(bank)["paid"] == paid + 5
    shown = call(bank, "GET", "/v1/organization/billing/vouchers")["data"]
    assert sorted(v["status"] for v in shown) == ["open", "redeemed", "redeemed"]
    assert not any("code" in v for v in shown), "a code is shown once"
    past = {**body, "expires_at": 1}
    assert call(bank, "POST", "/v1/organization/billing/vouchers", past, 400)["error"]["param"] == "expires_at"
    verified(bank)
