"""A wire we can see: answers are fed in, and every byte sent is kept."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

import phonenumbers
import requests
from phonenumbers import PhoneNumberType
from requests.adapters import BaseAdapter, HTTPAdapter
from urllib3 import HTTPResponse

from shop.money import Money
from shop.phone import COUNTRIES, guess_operator
from shop.providers import PROVIDERS, Provider, methods
from shop.providers.methods import Method
from shop.providers.values import Collection, Payout

Reply = tuple[int, bytes] | tuple[int, bytes, dict[str, str]] | Exception

SETTINGS = {
    "wave": {
        "base_url": "https://api.wave.test",
        "api_key": "wave_ci_prod_k3y",
        "webhook_secret": "wave_ci_WHS_s3cr3t",
    },
    "mtn": {
        "base_url": "https://mtn.test",
        "subscription_key": "c0ffee00000000000000000000000001",
        "api_user": "7f3c2b1a-0d4e-4f6a-9b8c-5d2e1f0a9c8b",
        "api_key": "0123456789abcdef0123456789abcdef",
        "disbursement_subscription_key": "c0ffee00000000000000000000000002",
        "disbursement_api_user": "2d9e8f70-6b5a-4c3d-8e1f-a0b9c8d7e6f5",
        "disbursement_api_key": "fedcba9876543210fedcba9876543210",
    },
    "orange": {
        "base_url": "https://api.orange.test",
        "client_id": "client",
        "client_secret": "s3cr3t",
        "merchant_key": "a1b2c3d4",
    },
    "moov": {
        "base_url": "https://moov.test",
        "username": "demo-merchant",
        "password": "demo-secret",
    },
    "fedapay": {
        "base_url": "https://fedapay.test",
        "secret_key": "sk_live_k3y",
        "webhook_secret": "wh_live_s3cr3t",
    },
    "cinetpay": {
        "base_url": "https://checkout.cinetpay.test",
        "api_key": "ap1k3y",
        "site_id": "445160",
        "secret_key": "demo-secret-key",
    },
    "feexpay": {
        "base_url": "https://feexpay.test",
        "api_key": "fp_k3y",
        "shop_id": "67ad2f5c9e1b4a0012ab34cd",
    },
    "getmipay": {
        "base_url": "https://getmipay.test",
        "api_key": "demo",
        "secret_key": "demo-secret",
        "webhook_secret": "demo-webhook-secret",
    },
}

#: What each provider's token endpoint answers, for those that have one.
TOKENS = {
    "mtn": b'{"access_token":"T0K","token_type":"access_token","expires_in":3600}',
    "orange": b'{"token_type":"Bearer","access_token":"T0K","expires_in":"7776000"}',
}

PAYERS = {
    "wave": "+2250701020304",
    "mtn": "+2250501020304",
    "orange": "+2250701020304",
    "moov": "+2290195030405",
    "fedapay": "+2290161020304",
    "cinetpay": "+2250701020304",
    "feexpay": "+2290161020304",
    "getmipay": "+22670123456",
}


def _payer_of(method: Method) -> str:
    """Make up a number that the method's operator could have given."""
    example = phonenumbers.example_number_for_type(method.country, PhoneNumberType.MOBILE)
    rest = phonenumbers.national_significant_number(example)[2:]
    numbers = [f"+{COUNTRIES[method.country]}{head:02d}{rest}" for head in range(100)]
    fitting = [n for n in numbers if guess_operator(n) == method.operator]
    return (fitting or numbers)[0]


# A newcomer needs no line here: its sandbox knows its settings, its first row where it works.
for _name, _provider in PROVIDERS.items():
    if _name not in SETTINGS:
        SETTINGS[_name] = {"base_url": f"https://{_name}.test", **_provider.sandbox_settings}
        PAYERS[_name] = _payer_of(next(m for m in methods.rows() if m.provider == _name))


class Wire(BaseAdapter):
    """Answers from a list, the token endpoint apart; keeps the requests it saw."""

    def __init__(self, *replies: Reply, token: bytes | None = None) -> None:
        super().__init__()
        self.replies = list(replies)
        self.token = token
        self.seen: list[requests.PreparedRequest] = []
        self.tokens_fetched = 0
        self.options: dict[str, Any] = {}

    def send(self, request: requests.PreparedRequest, **options: Any) -> requests.Response:
        self.options = options
        if self.token is not None and "/token" in (request.url or ""):
            self.tokens_fetched += 1
            return _response(request, (200, self.token))
        self.seen.append(request)
        reply = self.replies.pop(0) if len(self.replies) > 1 else self.replies[0]
        if isinstance(reply, Exception):
            raise reply
        return _response(request, reply)

    def close(self) -> None:
        """Nothing to put away."""


def _response(request: requests.PreparedRequest, reply: Any) -> requests.Response:
    status, body, *headers = reply
    raw = HTTPResponse(
        io.BytesIO(body), headers[0] if headers else {}, status=status, preload_content=False
    )
    return HTTPAdapter().build_response(request, raw)


def wired(name: str, *replies: Reply, **settings: str) -> tuple[Any, Wire]:
    """Make a provider whose line answers as told."""
    wire = Wire(*replies, token=TOKENS.get(name))
    return provider_on(name, lambda session: session.mount("https://", wire), **settings), wire


def provider_on(
    name: str, mount: Callable[[requests.Session], None], **settings: str
) -> Provider | Any:
    """Make a provider on a session prepared by the caller."""
    session = requests.Session()
    mount(session)
    factory: Any = PROVIDERS[name]
    return factory(**{**SETTINGS[name], **settings}, session=session)


def payout(name: str, **changes: Any) -> Payout:
    """What the shop sends: 1500 francs to the provider's first country."""
    values: dict[str, Any] = {
        "reference": "WX7K4M2Q",
        "amount": Money(1500, "XOF"),
        "payee": PAYERS[name],
        "country": PROVIDERS[name].countries[0],
        "description": "Retrait WX7K4M2Q",
        "webhook_url": f"https://shop.example/webhook/{name}/t0ken/",
    }
    return Payout(**{**values, **changes})


def collection(name: str = "wave", **changes: Any) -> Collection:
    """What the shop asks for: 1500 francs in the provider's first country."""
    country = PROVIDERS[name].countries[0]
    values: dict[str, Any] = {
        "reference": "PX7K4M2Q",
        "amount": Money(1500, "XOF"),
        "payer": PAYERS[name],
        "country": country,
        "description": "Commande PX7K4M2Q",
        "return_url": "https://shop.example/payments/PX7K4M2Q",
        "webhook_url": f"https://shop.example/webhook/{name}/t0ken/",
    }
    return Collection(**{**values, **changes})
