"""A fake of WeChat Pay, API v3: Native orders, and signed notifications that are encrypted."""

import base64
import json
import re
import secrets
import time
import uuid
from decimal import Decimal

from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from payment_providers import PAYER_ID, PAYER_NAME, PUBLIC_URL, Fake, Note, Pair, minor


class FakeWechatPay(Fake):
    name, path = "wechat_pay", "/v3/"
    accepts, refuses = (200, b'{"code":"SUCCESS"}'), (500, b'{"code":"FAIL","message":"not dealt with"}')

    def __init__(self):
        super().__init__()
        self.mchid, self.appid, self.serial_no = "1900000109", "wxd678efh567hg6787", secrets.token_hex(20).upper()
        self.key_id, self.v3_key = f"PUB_KEY_ID_{secrets.randbelow(10**28):028}", secrets.token_hex(16)
        self.merchant, self.ours, self.stranger = Pair(), Pair(), Pair()
        self.orders = {}

    def files(self):
        return {
            "wechat-private-key": self.merchant.private_pem(),
            "wechat-api-v3-key": self.v3_key,
            "wechat-platform-key": self.ours.public_pem(),
        }

    def section(self, url):
        return f"""
[payments.wechat]
mchid = "{self.mchid}"
appid = "{self.appid}"
serial_no = "{self.serial_no}"
private_key_file = "wechat-private-key"
api_v3_key_file = "wechat-api-v3-key"
api_base = "{url}"
[[payments.wechat.platform_keys]]
serial = "{self.key_id}"
public_key_file = "wechat-platform-key"
"""

    def take(self, request):
        scheme, _, proof = request.headers["authorization"].partition(" ")
        proof = dict(re.findall(r'(\w+)="([^"]*)"', proof))
        assert scheme == "WECHATPAY2-SHA256-RSA2048" and abs(int(proof["timestamp"]) - time.time()) < 300
        assert (proof["mchid"], proof["serial_no"]) == (self.mchid, self.serial_no)
        head = f"{request.method}\n{request.path}\n{proof['timestamp']}\n{proof['nonce_str']}\n"
        signed = head.encode() + request.body + b"\n"
        assert self.merchant.has_signed(signed, proof["signature"]), "the signature is not the merchant's"
        assert request.headers["wechatpay-serial"] == self.key_id, "which key is to sign the answer"
        assert request.headers["accept"] == request.headers["content-type"] == "application/json"
        assert request.headers["user-agent"]
        assert (request.method, request.path) == ("POST", "/v3/pay/transactions/native")
        asked = json.loads(request.body)
        assert (asked["mchid"], asked["appid"]) == (self.mchid, self.appid)
        assert asked["notify_url"] == f"{PUBLIC_URL}/v1/billing/notifications/wechat_pay"
        assert asked["description"] and re.fullmatch(r"[-\w]{6,32}", asked["out_trade_no"])
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+08:00", asked["time_expire"])
        assert type(asked["amount"]["total"]) is int and asked["amount"]["total"] > 0
        self.orders[asked["out_trade_no"]] = asked
        return self.native(asked["out_trade_no"], self.ours)

    def native(self, order_id, key):
        body = json.dumps({"code_url": f"weixin://wxpay/bizpayurl?pr={order_id}"}).encode()
        return 200, {"content-type": "application/json", **self.proof(body, key)}, body

    def proof(self, body, key, at=None, serial=None):
        at, nonce = str(int(at or time.time())), secrets.token_hex(16)
        return {
            "Wechatpay-Timestamp": at,
            "Wechatpay-Nonce": nonce,
            "Wechatpay-Signature": key.sign(f"{at}\n{nonce}\n".encode() + body + b"\n"),
            "Wechatpay-Serial": serial or self.key_id,
        }

    def shown(self, order):
        return {"qr_code": f"weixin://wxpay/bizpayurl?pr={order['id']}"}

    def ordered(self, order):
        asked = self.orders[order["id"]]
        return Decimal(asked["amount"]["total"]) / 100, asked["amount"]["currency"], None

    def note(self, what, order, parts=(), key=None, at=None, serial=None, v3_key=None, **odd):
        """WeChat Pay tells each refund alone, and nothing of orders that were not paid."""
        event_id, total = f"EV-{uuid.uuid4().hex}", minor(order["amount"])
        told = {"mchid": self.mchid, "out_trade_no": order["id"], "transaction_id": f"4200{order['id']}"}
        if what == "paid":
            told |= {"appid": self.appid, "trade_type": "NATIVE", "trade_state": "SUCCESS"}
            told |= {"amount": {"total": total, "payer_total": total, "currency": "CNY"}}
            told |= {"payer": {"openid": PAYER_ID}, "attach": PAYER_NAME}
        else:
            told |= {"refund_id": f"50{len(parts)}{order['id']}", "refund_status": "SUCCESS"}
            told |= {"user_received_account": f"{PAYER_NAME} {PAYER_ID}"}
            told |= {"amount": {"total": total, "refund": minor(parts[-1])}}
        told["amount"] |= {name: odd.pop(name) for name in list(odd) if name in told["amount"]}
        nonce, kind = secrets.token_hex(6), "transaction" if what == "paid" else "refund"
        plain = json.dumps({**told, **odd}).encode()
        sealed = AESGCM((v3_key or self.v3_key).encode()).encrypt(nonce.encode(), plain, kind.encode())
        resource = {"original_type": kind, "algorithm": "AEAD_AES_256_GCM", "associated_data": kind, "nonce": nonce}
        resource["ciphertext"] = base64.b64encode(sealed).decode()
        envelope = {"id": event_id, "event_type": f"{kind.upper()}.SUCCESS", "resource_type": "encrypt-resource"}
        content = json.dumps({**envelope, "resource": resource}).encode()
        return Note(content, self.proof(content, key or self.ours, at, serial), event_id)
