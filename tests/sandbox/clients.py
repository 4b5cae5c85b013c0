"""Clients that speak each provider by hand, a clock moved by hand, and a stand-in for the shop."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import requests

from shop.sandbox import credentials, moov
from shop.sandbox.registry import origin
from shop.sandbox.values import Delivery

CI = "+2250701020304"
BENIN_MTN = "+2290161020304"
BENIN_MOOV = "+2290195030405"


class HandClock:
    """A clock that stands still until told otherwise."""

    def __init__(self) -> None:
        self.at = datetime(2026, 11, 21, 10, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.at

    def forward(self, seconds: float) -> None:
        self.at += timedelta(seconds=seconds)


@dataclass
class Shop:
    """Stands for the shop's webhook door: keeps what came and answers what it is told to."""

    status: int = 200
    received: list[Delivery] = field(default_factory=list)

    def __call__(self, delivery: Delivery) -> int:
        self.received.append(delivery)
        return self.status


class Wave:
    """A client that speaks Wave by hand."""

    def __init__(self, http: requests.Session) -> None:
        self.http = http
        self.base = origin("wave") + "/v1/checkout/sessions"
        self.headers = {"Authorization": f"Bearer {credentials.WAVE['api_key']}"}

    def open(self, reference: str = "order-17", **changes: object) -> requests.Response:
        body = {
            "amount": "1000",
            "currency": "XOF",
            "success_url": "https://shop.example/ok",
            "error_url": "https://shop.example/ko",
            "client_reference": reference,
        } | changes
        sent = {name: value for name, value in body.items() if value is not None}
        return self.http.post(self.base, json=sent, headers=self.headers)

    def get(self, path: str = "", **params: str) -> requests.Response:
        return self.http.get(self.base + path, headers=self.headers, params=params)

    def post(self, path: str) -> requests.Response:
        return self.http.post(self.base + path, headers=self.headers)


class Mtn:
    """A client that speaks MTN by hand."""

    def __init__(self, http: requests.Session) -> None:
        self.http = http
        self.base = origin("mtn")
        self.key = {"Ocp-Apim-Subscription-Key": credentials.MTN["subscription_key"]}
        self.last = 0

    def token(self, **more: object) -> requests.Response:
        basic = (credentials.MTN["api_user"], credentials.MTN["api_key"])
        return self.http.post(
            f"{self.base}/collection/token/", headers=self.key, **({"auth": basic} | more)
        )

    def headers(self, environment: str = "mtnbenin") -> dict[str, str]:
        bearer = self.token().json()["access_token"]
        return self.key | {
            "Authorization": f"Bearer {bearer}",
            "X-Target-Environment": environment,
        }

    def ask(
        self, number: str = BENIN_MTN, *, currency: str = "XOF", environment: str = "mtnbenin",
        ref: str | None = None, callback: str | None = None, **changes: object,
    ) -> tuple[str, requests.Response]:  # fmt: skip
        self.last += 1
        ref = ref or f"5f2d4c0e-9f39-4a6b-8d4e-{self.last:012d}"
        body = {
            "amount": "1500",
            "currency": currency,
            "externalId": f"order-{self.last}",
            "payer": {"partyIdType": "MSISDN", "partyId": number.lstrip("+")},
            "payerMessage": "Commande 17",
            "payeeNote": "Commande 17",
        } | changes
        headers = self.headers(environment) | {"X-Reference-Id": ref}
        if callback is not None:
            headers["X-Callback-Url"] = callback
        url = f"{self.base}/collection/v1_0/requesttopay"
        return ref, self.http.post(url, json=body, headers=headers)

    def status(self, ref: str, environment: str = "mtnbenin") -> requests.Response:
        url = f"{self.base}/collection/v1_0/requesttopay/{ref}"
        return self.http.get(url, headers=self.headers(environment))


class Orange:
    """A client that speaks Orange by hand."""

    def __init__(self, http: requests.Session) -> None:
        self.http = http
        self.base = origin("orange")
        self.headers: dict[str, str] = {}

    def token(self, accept: str = "application/json") -> requests.Response:
        basic = (credentials.ORANGE["client_id"], credentials.ORANGE["client_secret"])
        return self.http.post(
            f"{self.base}/oauth/v3/token",
            data={"grant_type": "client_credentials"},
            auth=basic,
            headers={"Accept": accept},
        )

    def sign_in(self) -> None:
        self.headers = {"Authorization": f"Bearer {self.token().json()['access_token']}"}

    def ask(
        self, order_id: str = "CMD-17-1", env: str = "ci", **changes: object
    ) -> requests.Response:
        body = {
            "merchant_key": credentials.ORANGE["merchant_key"],
            "currency": "XOF",
            "order_id": order_id,
            "amount": 1200,
            "return_url": "https://shop.example/r",
            "cancel_url": "https://shop.example/c",
            "notif_url": "https://shop.example/n/tok",
            "lang": "fr",
            "reference": "Ma Boutique",
        } | changes
        sent = {name: value for name, value in body.items() if value is not None}
        return self._post(env, "webpayment", sent)

    def status(self, made: dict[str, str], **changes: object) -> requests.Response:
        body = {"order_id": "CMD-17-1", "amount": 1200, "pay_token": made["pay_token"]} | changes
        return self._post("ci", "transactionstatus", body)

    def _post(self, env: str, call: str, body: dict[str, object]) -> requests.Response:
        url = f"{self.base}/orange-money-webpay/{env}/v1/{call}"
        return self.http.post(url, json=body, headers=self.headers)


class Moov:
    """A client that speaks Moov by hand."""

    def __init__(self, http: requests.Session) -> None:
        self.http = http
        self.url = origin("moov") + moov.PATH + "?wsdl"
        self.token = moov.token(**credentials.MOOV)

    def call(self, operation: str, inside: str, *, prolog: str = "utf-8") -> requests.Response:
        text = (
            f'<?xml version="1.0" encoding="{prolog}"?><soapenv:Envelope '
            'xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/" '
            'xmlns:api="http://api.merchant.tlc.com/"><soapenv:Header/><soapenv:Body>'
            f"<api:{operation}><token>{self.token}</token>{inside}</api:{operation}>"
            "</soapenv:Body></soapenv:Envelope>"
        )
        return self.http.post(self.url, data=text.encode())

    def push(
        self, reference: str = "A17-1", number: str = BENIN_MOOV, amount: str = "1500", **more: str
    ) -> requests.Response:
        inside = (
            f"<msisdn>{number}</msisdn><message>Commande 17</message><amount>{amount}</amount>"
            f"<externaldata1>{reference}</externaldata1><externaldata2></externaldata2><fee>0</fee>"
        )
        return self.call("PushWithPending", inside, **more)

    def status(self, reference: str = "A17-1") -> requests.Response:
        inside = f"<request><transid>{reference}</transid></request>"
        return self.call("getTransactionStatus", inside)
