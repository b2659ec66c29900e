"""A fake of Alipay: its gateway, for codes to scan and for pages, and signed form notifications."""

import json
import re
import time
import urllib.parse
import uuid
from decimal import Decimal

from payment_providers import PAYER_ID, PAYER_NAME, PUBLIC_URL, Fake, Note, Pair, beijing


class FakeAlipay(Fake):
    name, path = "alipay", "/gateway.do"
    accepts, refuses = (200, b"success"), (200, b"fail")
    unpaid = ("closed",)
    stale_after = 26 * 3600

    def __init__(self, product="qr_code"):
        super().__init__()
        self.product = product
        self.app_id, self.seller_id = "2021000000000017", "2088000000000029"
        self.merchant, self.ours, self.stranger = Pair(), Pair(), Pair()
        self.orders = {}

    def files(self):
        return {"alipay-private-key": self.merchant.private_pem(), "alipay-public-key": self.ours.public_pem()}

    def section(self, url):
        return f"""
[payments.alipay]
app_id = "{self.app_id}"
seller_id = "{self.seller_id}"
private_key_file = "alipay-private-key"
alipay_public_key_file = "alipay-public-key"
product = "{self.product}"
gateway = "{url}/gateway.do"
"""

    def take(self, request):
        asked = {**request.query, **request.form}
        signature = asked.pop("sign")
        assert self.merchant.has_signed(self.signed(asked), signature), "the signature is not the merchant's"
        assert (asked["app_id"], asked["sign_type"], asked["version"]) == (self.app_id, "RSA2", "1.0")
        assert (asked["charset"], asked["format"]) == ("utf-8", "JSON")
        assert asked["timestamp"] in {beijing(time.time() - ago) for ago in range(-5, 60)}
        assert asked["notify_url"] == f"{PUBLIC_URL}/v1/billing/notifications/alipay"
        content = json.loads(asked["biz_content"])
        assert re.fullmatch(r"\d{1,9}\.\d\d", content["total_amount"]) and content["subject"]
        assert beijing(time.time()) < content["time_expire"] < beijing(time.time() + 2 * 3600)
        self.orders[content["out_trade_no"]] = {**content, "return_url": asked.get("return_url")}
        if self.product == "page":
            assert (asked["method"], content["product_code"]) == ("alipay.trade.page.pay", "FAST_INSTANT_TRADE_PAY")
            return 200, {"content-type": "text/html"}, b"<title>Alipay</title>"
        assert (request.method, asked["method"]) == ("POST", "alipay.trade.precreate")
        # Its parts come both ways: the gateway reads the character set in the address before it reads the body.
        assert set(request.form) == {"biz_content"} and "biz_content" not in request.query
        return self.precreated(content["out_trade_no"], self.ours)

    def precreated(self, order_id, key):
        made = {"code": "10000", "msg": "Success", "out_trade_no": order_id, "qr_code": f"https://qr.alipay.com/{order_id}"}
        return self.response(made, key)

    def response(self, made, key):
        text = json.dumps(made)
        body = f'{{"alipay_trade_precreate_response":{text},"sign":"{key.sign(text.encode())}"}}'
        return 200, {"content-type": "text/html;charset=utf-8"}, body.encode()

    def signed(self, asked):
        return "&".join(f"{name}={value}" for name, value in sorted(asked.items())).encode()

    def shown(self, order):
        return {"qr_code": f"https://qr.alipay.com/{order['id']}"}

    def ordered(self, order):
        content = self.orders[order["id"]]
        return Decimal(content["total_amount"]), "CNY", content["return_url"]

    def note(self, what, order, parts=(), key=None, at=None, **odd):
        """Alipay tells all that went back until then, and closes a trade of which all went back."""
        event_id, back = uuid.uuid4().hex, sum(map(Decimal, parts))
        is_open = what in ("paid", "refunded") and back < Decimal(order["amount"])
        told = {
            "app_id": self.app_id, "seller_id": self.seller_id, "charset": "utf-8", "version": "1.0",
            "notify_id": event_id, "notify_type": "trade_status_sync", "notify_time": beijing(at or time.time()),
            "out_trade_no": order["id"], "trade_no": f"2026{order['id']}", "total_amount": f"{Decimal(order['amount']):.2f}",
            "trade_status": "TRADE_SUCCESS" if is_open else "TRADE_CLOSED", "refund_fee": f"{back:.2f}",
            "buyer_logon_id": PAYER_ID, "buyer_name": PAYER_NAME, "subject": "充值 50%", "body": "",
        }  # fmt: skip
        if what == "refunded":
            told["gmt_refund"] = beijing(time.time()) + ".123"
        told |= odd
        proof = {"sign": (key or self.ours).sign(self.signed(told)), "sign_type": "RSA2"}
        return Note(urllib.parse.urlencode(told).encode(), proof, event_id, is_form=True)
