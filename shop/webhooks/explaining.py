"""Why a message is genuine or not, in words: for whoever connects a provider and meets a 401."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from shop.providers.base import Provider
from shop.providers.values import Authenticity
from shop.providers.words import header

_MOMENT: Final = re.compile(r"(?<!\d)\d{10}(?!\d)")

_PROOFS: Final = {
    Authenticity.SIGNED: "genuine: the signature fits these bytes",
    Authenticity.TOKEN: "not signed; its token is compared with the one of the payment it names",
    Authenticity.UNSIGNED: "not signed: stored as a hint, proves nothing, moves nothing",
    Authenticity.REJECTED: "refused: our door answers 401",
}


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked at."""

    name: str
    passed: bool
    words: str


def explain(
    provider: Provider, *, headers: Mapping[str, str], body: bytes, now_s: float
) -> list[Check]:
    """List what was checked of a message and how it went; the last line is the verdict."""
    notice = provider.parse_webhook(headers=headers, body=body, now_s=now_s)
    refused = notice.authenticity is Authenticity.REJECTED
    checks = [_header_check(name, headers) for name in provider.webhook_headers]
    if refused and all(check.passed for check in checks):
        checks += _why(provider, headers, body, now_s)
    about = f"; about {notice.reference or notice.provider_ref}" if not refused else ""
    checks.append(Check("verdict", not refused, _PROOFS[notice.authenticity] + about))
    return checks


def _header_check(name: str, headers: Mapping[str, str]) -> Check:
    there = bool(header(headers, name))
    return Check(f"header {name}", there, "present" if there else "missing, or empty")


def _why(
    provider: Provider, headers: Mapping[str, str], body: bytes, now_s: float
) -> Iterator[Check]:
    """Try again at the moment that was written and with the bytes others make of it."""

    def genuine(body: bytes, at_s: float) -> bool:
        notice = provider.parse_webhook(headers=headers, body=body, now_s=at_s)
        return notice.authenticity is not Authenticity.REJECTED

    if not provider.webhook_headers and provider.can.webhook is not Authenticity.SIGNED:
        words = f"not what {provider.label} sends, or a proof it should carry is wrong"
        yield Check("form", False, words)
        return
    written = [int(m) for value in headers.values() for m in _MOMENT.findall(value)]
    for at_s in written:
        if genuine(body, at_s):
            yield Check("signature", True, "fits these bytes")
            yield Check("date", False, _age(now_s - at_s))
            return
    for how, changed in _retold(body):
        if any(genuine(changed, at_s) for at_s in (now_s, *written)):
            yield Check(
                "bytes", False, f"the signature fits the same message {how}: keep raw bytes"
            )
            return
    yield Check("signature", False, "no secret in use signs these bytes so: another secret or body")


def _age(age_s: float) -> str:
    side = "old" if age_s > 0 else "ahead of our clock"
    return f"written {abs(age_s):.0f} s {side}: outside what is tolerated"


def _retold(body: bytes) -> Iterator[tuple[str, bytes]]:
    """Give what editors, shells and frameworks commonly make of a body."""
    stripped = body.rstrip(b"\r\n")
    if stripped != body:
        yield "without its final line break", stripped
    yield "with a final line break", body + b"\n"
    try:
        told = json.loads(body)
    except ValueError:
        return
    for ascii_only in (False, True):
        for separators, manner in (((",", ":"), "compactly"), ((", ", ": "), "with blanks")):
            again = json.dumps(told, separators=separators, ensure_ascii=ascii_only).encode()
            if again != body:
                yield f"written again {manner}", again
