"""The line between a client and a simulated provider, and the ways it fails.

A provider's view calls `answer`, which lets a fault strike before or after the work. Faults that an
HTTP answer cannot express (silence, a cut line, a drip) are carried out by `Line`, around the app.
"""

from __future__ import annotations

import contextlib
import json
import socket
import time
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any, Final, NoReturn

from flask import Flask, Response, request

from shop.sandbox.faults import WIRE, Fault, FaultKind, Operation
from shop.sandbox.values import Payout
from shop.sandbox.world import World

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

_KEY: Final = "sandbox.fault"

#: How long a real socket is left hanging: longer than any client waits.
_SILENCE_S: Final = 120.0
_DRIP_S: Final = 60.0

_HTML: Final = (
    "<!DOCTYPE html><html><head><title>Service temporarily unavailable</title></head>"
    "<body><h1>Maintenance</h1><p>Request could not be processed.</p></body></html>"
)


class CutLine(ConnectionError):
    """The connection ends without an answer; the server takes it for a client that left."""


class Silence(CutLine):
    """Nothing comes back in time."""


def answer(
    world: World, provider: str, operation: Operation, references: tuple[str, ...],
    work: Callable[[], Response], broken: Callable[[int], Response],
) -> Response:  # fmt: skip
    """Do the work and answer, unless a planted fault says otherwise.

    `broken` words this provider's own answer for 500 and 429.
    """
    fault = world.faults.take(provider, WIRE, *references, operation=operation)
    if fault is None:
        return work()
    done = work() if fault.accepted else Response(b"")
    request.environ[_KEY] = fault
    return _spoiled(fault, done, broken)


def _spoiled(fault: Fault, done: Response, broken: Callable[[int], Response]) -> Response:
    if fault.kind is FaultKind.HTTP_500:
        return broken(500)
    if fault.kind is FaultKind.HTTP_429:
        refusal = broken(429)
        refusal.headers["Retry-After"] = "2"
        return refusal
    if fault.kind is FaultKind.HTML:
        return Response(_HTML, 200, mimetype="text/html")
    return done


def reading(found: object) -> Operation:
    """Tell which kind of question this is, by what it is about."""
    return Operation.PAYOUT_STATUS if isinstance(found, Payout) else Operation.READ


def json_answer(body: object, status: int = 200, **dumps: Any) -> Response:
    """Answer JSON in exactly this spacing and order."""
    return Response(json.dumps(body, **dumps), status, mimetype="application/json")


def body_object() -> dict[str, Any] | None:
    """Read the request's body as a JSON object; None when it is anything else."""
    try:
        body = json.loads(request.get_data())
    except ValueError:
        return None
    return body if isinstance(body, dict) else None


def behind_line(app: Flask) -> Flask:
    """Put the line in front of a provider's app."""
    app.wsgi_app = Line(app.wsgi_app)  # type: ignore[method-assign, assignment]
    return app


class Line:
    """WSGI around a provider's app: carries out what only a socket can do.

    Behind a real server it hangs, drips and cuts; in the caller's own process it raises `CutLine`
    or `Silence` at once, which `shop.sandbox.adapter` turns into what `requests` would raise.
    """

    def __init__(self, app: WSGIApplication) -> None:
        self._app = app

    def __call__(self, environ: WSGIEnvironment, start: StartResponse) -> Iterable[bytes]:
        """Serve one request."""
        head: list[Any] = []

        def hold(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Any:
            head[:] = [status, headers]
            return lambda _data: None

        body = b"".join(self._app(environ, hold))
        fault: Fault | None = environ.get(_KEY)
        kind = fault.kind if fault else None
        if fault and kind in (FaultKind.SILENCE, FaultKind.LOST_ANSWER):
            _hang_up(fault, environ)
        if kind is FaultKind.TRUNCATED:
            body = body[: len(body) // 2]
        start(head[0], head[1])
        return _drip(fault, body, environ) if fault and kind is FaultKind.SLOW_DRIP else [body]


def _served(environ: WSGIEnvironment) -> bool:
    return "werkzeug.socket" in environ


def _hang_up(fault: Fault, environ: WSGIEnvironment) -> NoReturn:
    lost = fault.kind is FaultKind.LOST_ANSWER
    if _served(environ):
        if not lost:
            time.sleep(_SILENCE_S if fault.seconds is None else fault.seconds)
        with contextlib.suppress(OSError):
            environ["werkzeug.socket"].shutdown(socket.SHUT_RDWR)
    if lost:
        raise CutLine("the line was cut after the request was accepted")
    raise Silence("no answer")


def _drip(fault: Fault, body: bytes, environ: WSGIEnvironment) -> Iterator[bytes]:
    if not _served(environ):
        raise Silence("the answer drips too slowly")
    pause = (_DRIP_S if fault.seconds is None else fault.seconds) / max(len(body), 1)
    for index in range(len(body)):
        time.sleep(pause)
        yield body[index : index + 1]
