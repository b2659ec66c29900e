"""What the fakes of payment providers share, and the loopback port that they listen on.

A fake takes what its provider's documents say that it takes, checks what the provider would check (keys, signatures,
fields) and answers in the provider's words. It makes notifications as the provider signs them, and wrong ones where it
is asked to. All keys are made when a test asks for them. The fakes are in files of their own: `fake_stripe.py`,
`fake_alipay.py` and `fake_wechat_pay.py`.
"""

import base64
import http.server
import threading
import time
import urllib.parse
import uuid
from dataclasses import dataclass, replace
from decimal import Decimal

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from server import free_port

PUBLIC_URL = "https://models.example.com"
# Who pays: in every notification, and nowhere else.
PAYER_NAME, PAYER_ID = "Zhang Weiming", "payer-7c1f@example.net"


class Pair:
    """An RSA key, public and private, and the one signature that Alipay and WeChat Pay share."""

    def __init__(self):
        self.key = rsa.generate_private_key(65537, 2048)

    def private_pem(self):
        return self.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()

    def public_pem(self):
        return self.key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()

    def sign(self, text):
        return base64.b64encode(self.key.sign(text, padding.PKCS1v15(), SHA256())).decode()

    def has_signed(self, text, signature):
        try:
            self.key.public_key().verify(base64.b64decode(signature), text, padding.PKCS1v15(), SHA256())
        except InvalidSignature:
            return False
        return True


@dataclass
class Asked:
    """A request as the fake read it."""

    method: str
    path: str
    query: dict
    headers: dict
    body: bytes

    @property
    def form(self):
        return fields(self.body.decode())


@dataclass(frozen=True)
class Note:
    """A notification: what it says, and what proves it, which is in headers or, at Alipay, behind the rest."""

    content: bytes
    proof: dict
    event_id: str
    is_form: bool = False

    @property
    def headers(self):
        kind = "application/x-www-form-urlencoded" if self.is_form else "application/json"
        return {"content-type": kind} if self.is_form else {"content-type": kind, **self.proof}

    @property
    def body(self):
        proof = urllib.parse.urlencode(self.proof).encode() if self.is_form else b""
        return self.content + b"&" + proof if proof else self.content

    def changed(self):
        """The same news under another name, with the proof of the first."""
        return replace(self, content=self.content.replace(self.event_id.encode(), uuid.uuid4().hex.encode()))

    def without_proof(self):
        return replace(self, proof={})

    def with_proof_of(self, other):
        return replace(self, proof=other.proof)


def fields(text):
    """A form's fields. No provider takes one twice."""
    pairs = urllib.parse.parse_qsl(text, keep_blank_values=True)
    assert len(dict(pairs)) == len(pairs), f"a field is there twice: {text}"
    return dict(pairs)


def minor(amount):
    """The smallest units of a decimal amount, all of them."""
    units = Decimal(amount) * 100
    assert units == int(units)
    return int(units)


def beijing(at):
    return time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(at + 8 * 3600))


class Fake:
    """What the three share: what was asked, what was wrong with it, and faults that a test sets."""

    name = ""
    accepts = refuses = (200, b"")
    # What it tells of orders that were not paid.
    unpaid = ()
    # A notification that is older, in seconds, is too old.
    stale_after = 300

    def __init__(self):
        self.asked, self.wrong = [], []
        # What is answered in place of the right answer: a status, headers and a body.
        self.fault = None
        # Answers wait until it is set, after what was asked for was done.
        self.answers = threading.Event()
        self.answers.set()

    def answer(self, request):
        self.asked.append(request)
        try:
            status, headers, body = self.take(request)
        except (AssertionError, KeyError, ValueError) as error:
            self.wrong.append(f"{type(error).__name__}: {error}")
            return 400, {}, b"{}"
        self.answers.wait(60)
        return self.fault or (status, headers, body)


class Providers:
    """The fakes, and the port that they listen on: shut, nobody is there; opened again, it is the same port."""

    def __init__(self, *fakes):
        self.fakes, self.port, self.listener = {fake.name: fake for fake in fakes}, free_port(), None

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}"

    def config(self, home):
        """Writes every provider's keys into `home`, and says what `tenfold.toml` needs."""
        sections = [f'[models]\ndefault = ""\n[payments]\npublic_url = "{PUBLIC_URL}"\n']
        for fake in self.fakes.values():
            for file, text in fake.files().items():
                (home / file).write_text(text + "\n")
            sections.append(fake.section(self.url))
        return "".join(sections)

    def open(self):
        fakes = self.fakes.values()

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                url = urllib.parse.urlsplit(self.path)
                body = self.rfile.read(int(self.headers.get("content-length", 0)))
                headers = {name.lower(): value for name, value in self.headers.items()}
                request = Asked(self.command, url.path, fields(url.query), headers, body)
                [fake] = [fake for fake in fakes if url.path.startswith(fake.path)]
                status, headers, body = fake.answer(request)
                self.send_response(status)
                for name, value in {**headers, "content-length": str(len(body))}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body)

            do_GET = do_POST

            def log_message(self, *_):
                pass

        class Listener(http.server.ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, *_):
                pass  # A platform that is killed breaks its connections.

        self.listener = Listener(("127.0.0.1", self.port), Handler)
        threading.Thread(target=self.listener.serve_forever, daemon=True).start()
        return self

    def shut(self):
        self.listener.shutdown()
        self.listener.server_close()
