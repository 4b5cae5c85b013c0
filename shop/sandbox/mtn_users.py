"""MTN's provisioning calls, which exist only in its own sandbox."""

from __future__ import annotations

from urllib.parse import urlsplit

from flask import Response, request

from shop.sandbox.credentials import MTN
from shop.sandbox.mtn_gate import (
    KEYS,
    NAME,
    error,
    given_key,
    no_subscription,
    product_of,
    version_4,
)
from shop.sandbox.wire import body_object, json_answer
from shop.sandbox.world import World


class Users:
    """The provisioning calls, which exist only in MTN's own sandbox."""

    def __init__(self, world: World) -> None:
        self._world = world
        host = urlsplit(world.shop_url).hostname or "localhost"
        for product, user, key in (
            ("collection", MTN["api_user"], MTN["api_key"]),
            ("disbursement", MTN["disbursement_api_user"], MTN["disbursement_api_key"]),
        ):
            known = {"host": host, "key": key, "product": product}
            world.remember(NAME, f"user:{user}", known)

    def create(self) -> Response:
        """Make an API user with the id the caller chose."""
        refused = no_subscription(*KEYS)
        if refused:
            return refused
        user, body = request.headers.get("X-Reference-Id", ""), body_object()
        host = (body or {}).get("providerCallbackHost")
        if not version_4(user) or not isinstance(host, str) or "/" in host:
            return Response(b"", 400)
        if self._world.recall(NAME, f"user:{user}"):
            return error(409, "RESOURCE_ALREADY_EXIST")
        made = {"host": host, "key": None, "product": product_of(given_key())}
        self._world.remember(NAME, f"user:{user}", made)
        return Response(b"", 201)

    def read(self, user: str) -> Response:
        """Tell a user's callback host."""
        known = self._world.recall(NAME, f"user:{user}")
        told = {"targetEnvironment": "sandbox"} | {
            "providerCallbackHost": (known or {}).get("host")
        }
        return no_subscription(*KEYS) or (
            json_answer(told) if known else error(404, "RESOURCE_NOT_FOUND")
        )

    def key(self, user: str) -> Response:
        """Make a new API key; the one before stops working."""
        known = self._world.recall(NAME, f"user:{user}")
        refused = no_subscription(*KEYS) or (None if known else error(404, "RESOURCE_NOT_FOUND"))
        if refused:
            return refused
        key = self._world.book_file.hex(32)
        self._world.remember(NAME, f"user:{user}", known | {"key": key})
        return json_answer({"apiKey": key}, 201)
