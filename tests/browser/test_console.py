"""The main path of every page, as a new operator walks it: in order, in one installation."""

import base64
import hashlib
import hmac
import json
import re
import struct
import subprocess
import time
from pathlib import Path

import pytest
from playwright.sync_api import expect

PASSWORD = "a notable engine of brass"
MODEL = "smollm2-135m-instruct"
PAGES = ["", "playground", "models", "usage", "calls", "billing", "billing?tab=invoices", "billing?tab=budgets",
         "billing?tab=plans", "billing?tab=vouchers", "keys", "people", "people?tab=projects", "people?tab=invites",
         "settings", "account"]


class Person:
    """A browser of somebody's own; whatever goes wrong in its pages is kept."""

    def __init__(self, chromium, server, **options):
        self.url = f"http://localhost:{server.port}/console/"
        self.context = chromium.new_context(locale="en-GB", base_url=self.url, **options)
        self.page = self.context.new_page()
        self.page.set_default_timeout(15_000)
        self.faults = []
        self.page.on("pageerror", lambda error: self.faults.append(str(error)))
        # A refused script or style is told here and nowhere else.
        self.page.on("console", lambda message: "Content Security Policy" in message.text and self.faults.append(message.text))

    def go(self, path):
        self.page.goto(path, wait_until="networkidle")
        return self.page

    def sign_in(self, email, password=PASSWORD):
        page = self.go("")
        page.get_by_label("E-mail").fill(email)
        page.locator("input[type=password]").fill(password)
        page.locator("button[type=submit]").click()


@pytest.fixture(scope="module")
def owner(chromium, server):
    """Whoever set the console up with the key that the first start printed."""
    person = Person(chromium, server, viewport={"width": 1280, "height": 800})
    page = person.go("")
    expect(page.get_by_text("Set up Tenfold")).to_be_visible()
    page.get_by_label("Admin key").first.fill("sk-tf-admin-AAAAAAAAAAAA-wrong")
    page.get_by_label("Name").fill("Wang Wei")
    page.get_by_label("E-mail").fill("wang@example.org")
    page.get_by_label(re.compile("^Password")).first.fill(PASSWORD)
    page.get_by_role("button", name="Create owner account").click()
    expect(page.get_by_role("alert")).to_contain_text("req_")
    page.get_by_label("Admin key").first.fill(server.admin_key)
    page.get_by_role("button", name="Create owner account").click()
    expect(page.get_by_text("Hello, Wang Wei")).to_be_visible()
    yield person
    person.context.close()


@pytest.fixture(autouse=True)
def nothing_went_wrong(owner):
    yield
    assert owner.faults == []


def test_the_typed_client_is_of_this_api(server, tmp_path):
    description = tmp_path / "openapi.json"
    description.write_text(json.dumps(server.call("GET", "/openapi.json")[2]))
    console = Path(__file__).parents[2] / "console"
    subprocess.run(["node", "scripts/api.js", description, "--check"], cwd=console, check=True)


def status(server, key):
    return server.call("GET", "/v1/models", key=key)[0]


def secret(page, dialog):
    return page.get_by_role("dialog", name=dialog).locator("pre").first.inner_text().strip()


def test_a_chat_streams_and_is_seen_in_usage_and_in_the_ledger(owner, server):
    page = owner.go("playground")
    box = page.get_by_role("textbox", name=re.compile("message", re.I)).first
    box.fill("What is the capital of France?")
    box.press("Enter")
    expect(page.get_by_text(re.compile("Paris")).first).to_be_visible(timeout=60_000)

    def calls():
        return server.call("GET", "/v1/organization/usage/calls", key=server.admin_key)[2]["data"]

    end = time.monotonic() + 10
    while not calls() and time.monotonic() < end:
        time.sleep(0.1)
    [call] = calls()
    assert call["user_id"], "the call is the person's"
    _, _, whole = server.call("GET", f"/v1/organization/usage/calls/{call['id']}", key=server.admin_key)
    moved = sum(int(entry["amount"].replace(".", "")) for entry in whole["entries"])
    assert moved == call["cost"]["nanos"] > 0, "what was charged is what the call cost, to the nano-unit"
    page = owner.go("usage")
    expect(page.get_by_role("cell", name=call["model"]).first).to_be_visible()
    page = owner.go("calls")
    page.get_by_role("button", name=re.compile(f"open call {call['id']}")).click()
    one = page.get_by_role("dialog")
    expect(one.get_by_role("table", name="Timeline")).to_contain_text("Writing the answer")
    expect(one.get_by_role("table", name="In the ledger")).to_contain_text("revenue")


def test_two_models_answer_side_by_side(owner):
    page = owner.go("playground")
    page.get_by_role("switch", name="Compare").check()
    box = page.get_by_role("textbox", name=re.compile("message", re.I)).first
    box.fill("What is the capital of Italy?")
    box.press("Enter")
    # One answer in each column, whatever its model makes of the question.
    answers = page.locator(".answer .markdown")
    expect(answers).to_have_count(2, timeout=60_000)
    for column in range(2):
        expect(answers.nth(column)).to_have_text(re.compile(r"\w"), timeout=60_000)


def test_a_key_is_made_used_and_revoked(owner, server):
    page = owner.go("keys")
    page.get_by_role("button", name="Create key").first.click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Name").fill("from the console")
    dialog.get_by_role("button", name="Create key").click()
    expect(page.get_by_text("This is shown once").first).to_be_visible()
    key = secret(page, "New key")
    assert status(server, key) == 200
    page.get_by_role("button", name="Done").last.click()
    page.get_by_role("row", name=re.compile("from the console")).get_by_role("button", name=re.compile("^Revoke")).click()
    expect(page.get_by_text("cannot be undone")).to_be_visible()
    page.get_by_role("dialog").get_by_role("button", name="Revoke").click()
    expect(page.get_by_role("row", name=re.compile("from the console"))).to_have_count(0)
    assert status(server, key) == 401


def test_a_voucher_is_redeemed_to_the_nano_unit_once(owner, server):
    page = owner.go("billing?tab=vouchers")
    page.get_by_role("button", name="New vouchers").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Amount").fill("12.345678901")
    dialog.get_by_role("button", name="New vouchers").click()
    expect(page.get_by_text("This is shown once").first).to_be_visible()
    code = secret(page, re.compile("Vouchers"))
    page.get_by_role("button", name="Done").last.click()
    page.get_by_role("tab", name="Balance").click()
    page.get_by_role("button", name="Redeem a voucher").click()
    page.get_by_role("dialog").get_by_label("Code").fill(code)
    page.get_by_role("dialog").get_by_role("button", name="Redeem").click()
    expect(page.get_by_text("is on the balance now")).to_be_visible()
    _, _, balance = server.call("GET", "/v1/organization/billing/balance", key=server.admin_key)
    assert "12.345678901" in json.dumps(balance)
    page.get_by_role("button", name="Redeem a voucher").click()
    page.get_by_role("dialog").get_by_label("Code").fill(code)
    page.get_by_role("dialog").get_by_role("button", name="Redeem").click()
    expect(page.get_by_role("dialog").get_by_role("alert")).to_contain_text("req_")


def test_roles_reach_what_they_may_and_nothing_else(owner, server, chromium):
    _, _, invite = server.call("POST", "/v1/organization/invites", {"email": "vera@example.org", "role": "viewer"},
                               key=server.admin_key)
    viewer = Person(chromium, server)
    page = viewer.go(invite["url"].split("/console/")[1])
    page.get_by_label("Name").fill("Vera")
    page.get_by_label(re.compile("^Password")).first.fill(PASSWORD)
    page.get_by_role("button", name="Create account").click()
    expect(page.get_by_text("Hello, Vera")).to_be_visible()
    links = page.locator("nav a").all_inner_texts()
    assert not {"Billing", "People", "Keys", "Settings"} & set(links), links
    page = viewer.go("billing")
    expect(page.get_by_text("Your role does not open this page")).to_be_visible()
    # The server says the same to whoever asks it past the page.
    for path in ["billing/balance", "users", "projects", "admin_api_keys"]:
        answer = page.evaluate("path => fetch(`/v1/organization/${path}`).then(answer => answer.status)", path)
        assert answer == 403, path
    assert viewer.faults == []
    viewer.context.close()


def test_a_stolen_cookie_changes_nothing_by_itself(owner):
    page = owner.go("")
    forged = page.evaluate("""() => fetch('/v1/organization/projects', {method: 'POST', body: '{"name": "x"}',
        headers: {'content-type': 'application/json'}}).then(answer => answer.status)""")
    assert forged == 403
    assert "tenfold_session" not in page.evaluate("document.cookie"), "no script reads it"


def test_what_a_model_says_runs_no_script(owner, server):
    page = owner.go("")
    hostile = "<img src=x onerror=\"window.hacked=1\"><svg onload=\"window.hacked=1\"></svg>" \
              "[x](javascript:window.hacked=1)<script>window.hacked=1</script>"

    def answer(route):
        chunk = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 0, "model": MODEL,
                 "choices": [{"index": 0, "delta": {"role": "assistant", "content": hostile}, "finish_reason": "stop"}]}
        route.fulfill(status=200, headers={"content-type": "text/event-stream"},
                      body=f"data: {json.dumps(chunk)}\n\ndata: [DONE]\n\n")

    page.route("**/v1/chat/completions", answer)
    page = owner.go("playground")
    box = page.get_by_role("textbox", name=re.compile("message", re.I)).first
    box.fill("go")
    box.press("Enter")
    expect(page.get_by_text("onerror").first).to_be_visible()
    page.wait_for_timeout(300)
    assert page.evaluate("window.hacked") is None
    assert page.locator("a[href^='javascript:']").count() == 0
    page.unroute("**/v1/chat/completions")


@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_every_page_can_be_used_by_everybody(owner, axe, pictures, width, theme):
    page = owner.page
    page.set_viewport_size({"width": width, "height": 800})
    page.emulate_media(color_scheme=theme)
    faults = []
    for path in PAGES:
        owner.go(path)
        page.wait_for_timeout(300)
        name = re.sub(r"\W+", "-", path) or "home"
        page.screenshot(path=pictures / f"{name}-{theme}-{width}.png")
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), f"{path} scrolls sideways"
        page.evaluate(axe)
        found = page.evaluate("axe.run(document, {resultTypes: ['violations']})")
        faults += [(path, fault["id"], fault["nodes"][0]["html"][:200]) for fault in found["violations"]
                   if fault["impact"] in ("serious", "critical")]
    page.set_viewport_size({"width": 1280, "height": 800})
    assert faults == []


def test_the_console_speaks_chinese(chromium, server, pictures):
    person = Person(chromium, server, viewport={"width": 1280, "height": 800})
    person.context.close()
    context = chromium.new_context(locale="zh-CN", base_url=person.url, viewport={"width": 1280, "height": 800})
    page = context.new_page()
    page.goto("", wait_until="networkidle")
    assert page.locator("html").get_attribute("lang").startswith("zh")
    page.screenshot(path=pictures / "sign-in-zh.png")
    context.close()


def test_codes_and_passkeys_sign_in(owner):
    page = owner.go("account")
    page.get_by_role("button", name="Set up").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Current password").fill(PASSWORD)
    dialog.get_by_role("button", name="Continue").click()
    expect(page.get_by_role("img", name=re.compile("Scan this"))).to_be_visible()
    seed = dialog.locator("pre").first.inner_text().strip()
    dialog.get_by_role("textbox", name="Code").fill(one_time_code(seed))
    page.get_by_role("button", name="Switch on").click()
    expect(page.get_by_text("Recovery codes").first).to_be_visible()
    recovery = secret(page, "Recovery codes").split()
    assert len(set(recovery)) == 10
    page.get_by_role("button", name="Done").last.click()

    # An authenticator that the browser itself plays.
    devtools = owner.context.new_cdp_session(page)
    devtools.send("WebAuthn.enable")
    devtools.send("WebAuthn.addVirtualAuthenticator", {"options": {
        "protocol": "ctap2", "transport": "internal", "hasResidentKey": True, "hasUserVerification": True,
        "isUserVerified": True, "automaticPresenceSimulation": True}})
    page.get_by_role("button", name="Add a passkey").click()
    page.get_by_role("dialog").get_by_label("Name").fill("This laptop")
    page.get_by_role("dialog").get_by_role("button").last.click()
    expect(page.get_by_text("This laptop")).to_be_visible()
    sign_out(page)
    page.get_by_role("button", name="Sign in with a passkey").click()
    expect(page.get_by_role("button", name=re.compile("Wang"))).to_be_visible()
    sign_out(page)

    owner.sign_in("wang@example.org")
    page.get_by_label("Code").fill(recovery[0])
    page.locator("button[type=submit]").click()
    expect(page.get_by_role("button", name=re.compile("Wang"))).to_be_visible()


def one_time_code(seed):
    """What an authenticator app shows (RFC 6238)."""
    step = struct.pack(">Q", int(time.time()) // 30)
    digest = hmac.new(base64.b32decode(seed), step, hashlib.sha1).digest()
    at = digest[-1] & 15
    return f"{(struct.unpack('>I', digest[at:at + 4])[0] & 0x7fffffff) % 10**6:06}"


def sign_out(page):
    page.get_by_role("button", name=re.compile("Wang")).click()
    page.get_by_role("menuitem", name="Sign out").click()
    expect(page.get_by_role("heading", name="Sign in to Tenfold")).to_be_visible()


def test_a_person_signs_out(owner):
    page = owner.go("")
    sign_out(page)
    assert page.evaluate("fetch('/v1/console/session').then(answer => answer.status)") == 401
