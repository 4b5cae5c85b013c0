"""Access tokens: fetched once for all threads, renewed before they end and once after a 401."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from threading import Lock
from zlib import crc32

from shop import clock
from shop.providers.base import Provider
from shop.providers.values import Answer, ProviderUnavailable
from shop.providers.words import text

logger = logging.getLogger("shop.providers")

_DEFAULT_LIFE_S = 300
#: What may stand in a header: a token with anything else would break, or split, the request.
_HEADER_WORD = re.compile(r"[!-~]+")


@dataclass(frozen=True, slots=True)
class Token:
    """What a token endpoint gave: the word to show, and for how long."""

    value: str
    expires_in_s: int


def read_token(provider: str, answer: Answer) -> Token:
    """Read an OAuth answer; `expires_in` comes as a number or as text, depending on the day."""
    value, lifetime = text(answer.data, "access_token"), text(answer.data, "expires_in") or ""
    if not answer.ok or value is None or not _HEADER_WORD.fullmatch(value):
        # Whatever the wording, a refusal here is about our credentials, not about a payment.
        logger.error("%s gives us no token: HTTP %d", provider, answer.status)
        raise ProviderUnavailable(f"{provider}: HTTP {answer.status} instead of a token")
    known = lifetime.isascii() and lifetime.isdigit() and len(lifetime) < 10
    return Token(value, int(lifetime) if known else _DEFAULT_LIFE_S)


def token_from(
    provider: Provider, path: str, headers: Mapping[str, str], body: bytes = b""
) -> Callable[[float], Token]:
    """Give what fetches an OAuth token from a path of the provider, before a deadline."""

    def fetch(deadline: float) -> Token:
        answer = provider.call(
            "token", "POST", path, reference="token", headers=headers, body=body, deadline=deadline
        )
        return read_token(provider.name, answer)

    return fetch


class TokenCache:
    """Holds one token; the lock makes concurrent threads wait for one fetch instead of many."""

    def __init__(self, total_s: float) -> None:
        self._total_s = total_s
        self._lock = Lock()
        self._value: str | None = None
        self._renew_at = 0.0

    def speak(
        self,
        fetch: Callable[[float], Token],
        send: Callable[[str, float], Answer],
        deadline: float | None = None,
    ) -> Answer:
        """Send with a good token; after a 401 fetch another and send once more, never twice.

        A 401 is refused before any processing, so the second sending is not a retry of a write. One
        deadline covers all of it, and of the caller's other steps where it gives its own: the
        sender's lease is longer than that (RELIABILITY §5.3).
        """
        if deadline is None:
            deadline = clock.monotonic() + self._total_s
        token = self._get(fetch, deadline)
        answer = send(token, deadline)
        if answer.status != 401:
            return answer
        self._drop(token)
        return send(self._get(fetch, deadline), deadline)

    def _get(self, fetch: Callable[[float], Token], deadline: float) -> str:
        patience_s = max(0.0, deadline - clock.monotonic())
        if not self._lock.acquire(timeout=patience_s):
            raise ProviderUnavailable("waited too long for a token", sent=False)
        try:
            if self._value is None or clock.monotonic() >= self._renew_at:
                self._keep(_fetched(fetch, deadline))
            assert self._value is not None, "a token was just kept"
            return self._value
        finally:
            self._lock.release()

    def _keep(self, token: Token) -> None:
        # Renewed at 80 to 95 % of its life; the token itself spreads processes over that span.
        spread = crc32(token.value.encode()) % 16
        self._value = token.value
        self._renew_at = clock.monotonic() + token.expires_in_s * (80 + spread) / 100

    def _drop(self, value: str) -> None:
        with self._lock:
            if self._value == value:  # another thread may have renewed it already
                self._value = None


def _fetched(fetch: Callable[[float], Token], deadline: float) -> Token:
    """Fetch; without a token the real request never leaves, and the error says so."""
    try:
        return fetch(deadline)
    except ProviderUnavailable as error:
        raise ProviderUnavailable(
            f"no token: {error}", retry_after_s=error.retry_after_s, sent=False
        ) from error
