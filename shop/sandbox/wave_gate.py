"""Wave's gate: the API key, the two error envelopes, and what every call checks alike."""

from __future__ import annotations

import hmac
import json
import re
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Final

from flask import Response, request

from shop.sandbox.credentials import WAVE
from shop.sandbox.faults import Operation
from shop.sandbox.wire import answer, json_answer
from shop.sandbox.world import World

NAME: Final = "wave"
CURRENCY: Final = "XOF"
ID_LETTERS: Final = "0123456789abcdefghijklmnopqrstuvwxyz"

_AMOUNT: Final = re.compile(r"[1-9][0-9]{0,11}")
_MOBILE: Final = re.compile(r"\+[1-9][0-9]{6,14}")

Check = Callable[[str], str | None]


class Gate:
    """What all of Wave's calls share."""

    def __init__(self, world: World) -> None:
        self._world = world

    def error(self, status: int, code: str, message: str, **more: Any) -> Response:
        """Word an error in the chosen envelope."""
        if self._world.switches.get("wave.errors") == "nested":
            inner = {"code": code, "message": message, "httpcode": status, **more}
            return json_answer({"error": inner}, status)
        return json_answer({"code": code, "message": message, **more}, status)

    def _answer(
        self, operation: Operation, names: tuple[str, ...], work: Callable[[], Response]
    ) -> Response:
        return answer(self._world, NAME, operation, names, work, self._broken)

    def _broken(self, status: int) -> Response:
        if status == 429:
            return self.error(429, "too-many-requests", "Too many requests")
        return self.error(500, "internal-server-error", "Internal server error")

    def _invalid(self, problems: list[dict[str, Any]]) -> Response:
        return self.error(400, "request-validation-error", "Request invalid", details=problems)

    def _not_json(self) -> Response:
        return self.error(400, "request-not-json", "Request body is not valid JSON")

    def _unauthorised(self) -> Response | None:
        header = request.headers.get("Authorization")
        if header is None:
            return self.error(401, "missing-auth-header", "Authorization header is missing")
        scheme, _, key = header.partition(" ")
        if scheme != "Bearer":
            return self.error(401, "invalid-auth", "Authorization must be a Bearer token")
        if not key.strip():
            return self.error(401, "api-key-not-provided", "API key not provided")
        if not hmac.compare_digest(key.strip().encode(), WAVE["api_key"].encode()):
            return self.error(401, "no-matching-api-key", "No matching API key")
        return None


def parsed() -> dict[str, Any] | None:
    """Read the body as a JSON object; None when it is anything else."""
    try:
        body = json.loads(request.get_data())
    except ValueError:
        return None
    return body if isinstance(body, dict) else None


def stamp(moment: datetime) -> str:
    """Write a time as Wave does: UTC to the second, `Z`."""
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def missing(name: str) -> dict[str, Any]:
    """Word what is not there."""
    return {"loc": [name], "msg": "field required", "type": "value_error.missing"}


def problems(
    body: dict[str, Any], required: tuple[str, ...], checks: Mapping[str, Check]
) -> list[dict[str, Any]]:
    """List everything wrong with a request, as strictly as Wave does: no field it does not know."""
    found = [missing(name) for name in required if body.get(name) is None]
    for name, value in body.items():
        if name not in checks:
            extra = "extra fields not permitted"
            found.append({"loc": [name], "msg": extra, "type": "value_error.extra"})
        elif value is not None and not isinstance(value, str):
            found.append({"loc": [name], "msg": "str type expected", "type": "type_error.str"})
        elif value is not None and (message := checks[name](value)):
            found.append({"loc": [name], "msg": message, "type": "value_error"})
    return found


def check_amount(text: str) -> str | None:
    """Take whole francs without leading zeros."""
    return None if _AMOUNT.fullmatch(text) else "amount must be a positive number without decimals"


def check_mobile(text: str) -> str | None:
    """Take an international number with its plus."""
    return None if _MOBILE.fullmatch(text) else "value is not a valid phone number"


def check_merchant(text: str) -> str | None:
    """Take an aggregated merchant's id."""
    return None if text.startswith("am-") else "invalid aggregated merchant id"


def at_most(characters: int) -> Check:
    """Make the check of a length."""
    words = f"ensure this value has at most {characters} characters"
    return lambda text: None if len(text) <= characters else words
