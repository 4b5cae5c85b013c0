"""One HTTP exchange: bounded in time and size, never redirected, never repeated."""

from __future__ import annotations

import http.client
import io
import socket
from collections.abc import Mapping
from contextlib import closing
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import Any, Final

import requests
import urllib3
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

from shop import clock

MAX_BODY_BYTES: Final = 256 * 1024
_CHUNK_BYTES: Final = 16 * 1024
_MAX_RETRY_AFTER_S: Final = 3600.0


class WireFailure(Exception):
    """The exchange did not complete; `sent` is False when the request surely never left."""

    def __init__(self, message: str, *, sent: bool = True) -> None:
        super().__init__(message)
        self.sent = sent


@dataclass(frozen=True, slots=True)
class Limits:
    """How long one exchange may take; `deadline` is a moment of `clock.monotonic()`."""

    connect_s: float
    read_s: float
    deadline: float

    def left_s(self) -> float:
        """Seconds until the deadline; raises `WireFailure` when there are none."""
        left = self.deadline - clock.monotonic()
        if left <= 0:
            raise WireFailure("total time limit reached")
        return left


@dataclass(frozen=True, slots=True)
class Reply:
    """A whole answer, as received."""

    status: int
    headers: Mapping[str, str]
    body: bytes


#: The deadline of the exchange under way in this thread, for the socket reader below.
_deadline: ContextVar[Limits | None] = ContextVar("wire_deadline", default=None)


def exchange(
    session: requests.Session,
    method: str,
    url: str,
    headers: Mapping[str, str],
    body: bytes,
    limits: Limits,
) -> Reply:
    """Send exactly these bytes once and read the whole answer, or raise `WireFailure`.

    The adapter is asked directly, so what a `Session` adds by itself (redirects, cookies, proxies
    and passwords found in the environment) cannot happen.
    """
    try:
        left_s = limits.left_s()
    except WireFailure as failure:
        raise WireFailure(str(failure), sent=False) from None
    timeout = (min(limits.connect_s, left_s), min(limits.read_s, left_s))
    token = _deadline.set(limits)
    try:
        headers = {**_HEADERS, **headers}
        request = requests.Request(method, url, headers=headers, data=body).prepare()
        adapter = session.get_adapter(url)
        response = adapter.send(request, stream=True, timeout=timeout, verify=True, proxies={})
        with closing(response):
            return Reply(response.status_code, response.headers, _body(response, limits))
    except (requests.RequestException, urllib3.exceptions.HTTPError, OSError) as error:
        # The text of these errors may hold the whole address; their kind is enough.
        raise WireFailure(_kind(error), sent=not _never_left(error)) from error
    finally:
        _deadline.reset(token)


_HEADERS: Final = {"User-Agent": "cauri/1", "Accept-Encoding": "identity"}


def _body(response: requests.Response, limits: Limits) -> bytes:
    """Read by pieces, watching the clock and the size."""
    body = bytearray()
    for chunk in response.iter_content(_CHUNK_BYTES):
        body += chunk
        if len(body) > MAX_BODY_BYTES:
            raise WireFailure("answer too large")
        limits.left_s()
    return bytes(body)


def _kind(error: Exception) -> str:
    """Name what really happened: a timeout while reading arrives wrapped as a connection error."""
    inner = error.args[0] if error.args else None
    cause = getattr(inner, "reason", None) or inner
    return type(cause if isinstance(cause, Exception) else error).__name__


def _never_left(error: Exception) -> bool:
    """Say whether no connection was ever made, so that the provider cannot have heard us."""
    if isinstance(error, requests.ConnectTimeout | requests.exceptions.SSLError):
        return True
    inner = error.args[0] if error.args else None
    reason = getattr(inner, "reason", None)
    return isinstance(reason, urllib3.exceptions.NewConnectionError)


def retry_after_s(reply: Reply) -> float | None:
    """Read Retry-After, seconds or a date; None when there is no usable one."""
    value = reply.headers.get("Retry-After", "").strip()
    if value.isascii() and value.isdigit() and len(value) < 10:
        return min(float(value), _MAX_RETRY_AFTER_S)
    try:
        moment = parsedate_to_datetime(value)
    except ValueError:
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return max(0.0, min((moment - clock.now()).total_seconds(), _MAX_RETRY_AFTER_S))


def new_session(pool_size: int) -> requests.Session:
    """Open a pool of connections that obey the total deadline, for this many threads."""
    session = requests.Session()
    session.trust_env = False
    adapter = _DeadlineAdapter(pool_connections=2, pool_maxsize=pool_size, max_retries=0)
    session.mount("https://", adapter)
    session.mount("http://", adapter)
    return session


class _DeadlineReader(io.RawIOBase):
    """Reads a socket with whatever time the exchange has left.

    A read limit alone starts anew with every byte received: a server that drips one byte a second,
    headers included, would hold a worker for hours.
    """

    def __init__(self, sock: socket.socket, limits: Limits) -> None:
        self._sock = sock
        self._raw = sock.makefile("rb", buffering=0)
        self._limits = limits

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        left = self._limits.deadline - clock.monotonic()
        if left <= 0:
            raise TimeoutError("total time limit reached")
        self._sock.settimeout(min(left, self._limits.read_s))
        return self._raw.readinto(buffer)

    def close(self) -> None:
        self._raw.close()
        super().close()


class _DeadlineResponse(http.client.HTTPResponse):
    def __init__(self, sock: socket.socket, *args: Any, **kwargs: Any) -> None:
        super().__init__(sock, *args, **kwargs)
        limits = _deadline.get()
        if limits is not None:
            self.fp.close()
            self.fp = io.BufferedReader(_DeadlineReader(sock, limits))


class _Connection(HTTPConnection):
    response_class = _DeadlineResponse


class _SecureConnection(HTTPSConnection):
    response_class = _DeadlineResponse


class _Pool(HTTPConnectionPool):
    ConnectionCls = _Connection


class _SecurePool(HTTPSConnectionPool):
    ConnectionCls = _SecureConnection


class _DeadlineAdapter(HTTPAdapter):
    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = {"http": _Pool, "https": _SecurePool}
