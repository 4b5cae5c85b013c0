"""Answers "nothing changed" to waiting phones before Flask wakes up (PERFORMANCE e).

A phone that waits asks the same small question again and again. What it saw last is its ETag; the
version that was last true is kept in Redis under the payment's reference for a few seconds, and deleted
by whoever changes the payment. Equal means 304; anything else falls through to the page.
"""

from __future__ import annotations

import hmac
import logging
import re
from collections.abc import Iterable
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Final

from flask import Flask, current_app

from shop import queue

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

logger = logging.getLogger(__name__)

#: How long a version may outlive the change it missed: a reader that read just before the commit.
TTL_S: Final = 8
_PATH: Final = re.compile(r"/payment/([0-9A-Z]{8})/state")
_QUESTION: Final = re.compile(r"k=([0-9a-f]{32})")


def key_of(reference: str) -> str:
    """Make the unguessable key that lets a page ask about its payment without a session."""
    secret = str(current_app.config["SECRET_KEY"]).encode()
    return hmac.new(secret, b"state:" + reference.encode(), sha256).hexdigest()[:32]


def is_key(reference: str, given: str) -> bool:
    """Say whether a key opens this payment's state, in constant time."""
    return hmac.compare_digest(key_of(reference).encode(), given.encode())


def remember(reference: str, etag: str, seconds: float) -> None:
    """Keep what is true now, for as long as nothing but a change can make it false."""
    redis = queue.page_connection()
    lasts_s = int(min(TTL_S, seconds))
    if redis is None or lasts_s < 1:
        return
    with queue.shrugging("a state was not remembered"):
        redis.set(f"cauri:state:{reference}", etag, ex=lasts_s)


def forget(references: Iterable[str]) -> None:
    """Drop what was true of changed payments; call it after the commit."""
    redis = queue.page_connection()
    names = [f"cauri:state:{reference}" for reference in references]
    if redis is None or not names:
        return
    with queue.shrugging("a state was not forgotten"):
        redis.delete(*names)


class QuickState:
    """WSGI middleware: 304 for a known version, everything else to the application."""

    def __init__(self, app: Flask, wsgi: WSGIApplication) -> None:
        self._app = app
        self._wsgi = wsgi
        self._secret = str(app.config["SECRET_KEY"]).encode()

    def __call__(self, environ: WSGIEnvironment, start: StartResponse) -> Iterable[bytes]:
        """Answer, or pass the request on."""
        seen = environ.get("HTTP_IF_NONE_MATCH")
        if seen and self._unchanged(environ, seen):
            start("304 NOT MODIFIED", [("ETag", seen), ("Cache-Control", "private, no-cache")])
            return []
        return self._wsgi(environ, start)

    def _unchanged(self, environ: dict[str, Any], seen: str) -> bool:
        path = _PATH.fullmatch(environ.get("PATH_INFO", ""))
        question = _QUESTION.fullmatch(environ.get("QUERY_STRING", ""))
        if path is None or question is None:
            return False
        mine = hmac.new(self._secret, b"state:" + path[1].encode(), sha256).hexdigest()[:32]
        if not hmac.compare_digest(mine, question[1]):
            return False
        known: bytes | None = None
        with self._app.app_context(), queue.shrugging("a state was not looked up"):
            redis = queue.page_connection()
            known = redis.get(f"cauri:state:{path[1]}") if redis is not None else None  # type: ignore[assignment]
        return known is not None and known.decode() == seen
