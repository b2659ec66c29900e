"""Rentals, with the real binary: a replica of a real model for one project, by the second."""

import time

import openai
import pytest
from server import Server, wait_until
from test_billing import SAY, balance, call, client_of, verified

RENTALS = "/v1/organization/billing/rentals"


@pytest.fixture(scope="module")
def landlord():
    """A platform of its own, with a short minimum."""
    server = Server(config="[rental]\nminimum_seconds = 5\n")
    try:
        yield server.start()
    finally:
        server.remove()


def test_a_rented_replica_is_charged_by_the_second_and_its_calls_are_free(landlord, model):
    call(landlord, "POST", "/v1/organization/billing/profile", {"mode": "prepaid"}, 200)
    body = {"model": model, "project_id": landlord.project_id, "name": "ours"}
    refused = call(landlord, "POST", RENTALS, body, 400)
    assert refused["error"]["param"] == "device_class", "it has no price yet"
    prices = {"currency": "USD", "per_million": {"replica_seconds": "1000"}}
    call(landlord, "PUT", "/v1/prices/device:cpu", prices, 200)
    refused = call(landlord, "POST", RENTALS, body, 429)
    assert refused["error"]["code"] == "insufficient_quota", "the first slice cannot be paid"
    call(landlord, "POST", "/v1/organization/billing/top_ups", {"amount": "1", "currency": "USD"}, 201)

    rental = call(landlord, "POST", RENTALS, body, 201)
    one = f"{RENTALS}/{rental['id']}"
    wait_until(lambda: call(landlord, "GET", one)["status"] == "up", 90, "the replica is up")
    began = time.monotonic()
    held = balance(landlord)
    assert (held["paid"], held["available"]) == (1, 1 - held["held"]), "a slice is held, and nothing charged"
    client = client_of(landlord)
    assert client.chat.completions.create(model="ours", **SAY).usage.total_tokens > 0
    assert balance(landlord)["charged"] == 0, "a call costs nothing more"

    other = call(landlord, "POST", "/v1/organization/projects", {"name": "other"})
    account = call(landlord, "POST", f"/v1/organization/projects/{other['id']}/service_accounts", {"name": "other"})
    stranger = openai.OpenAI(api_key=account["api_key"]["value"], base_url=f"{landlord.url}/v1", max_retries=0)
    with pytest.raises(openai.NotFoundError):
        stranger.chat.completions.create(model="ours", **SAY)

    wait_until(lambda: time.monotonic() - began > 12, 30, "a few seconds have passed")
    ended = call(landlord, "DELETE", one, status=200)
    seconds = ended["charged_seconds"]
    assert (ended["status"], ended["end_reason"]) == ("ended", "requested")
    assert 12 <= seconds <= ended["ends_at"] - ended["up_at"] + 1
    now = balance(landlord)
    assert now["charged"] * 1000 == seconds and now["held"] == 0, "a thousandth of a dollar a second"
    with pytest.raises(openai.NotFoundError):
        client.chat.completions.create(model="ours", **SAY)
    lines = call(landlord, "GET", "/v1/organization/costs?start_time=1&limit=180")
    assert lines["data"], "rentals are among the costs"
    verified(landlord)
