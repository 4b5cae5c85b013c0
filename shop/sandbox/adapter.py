"""The simulated providers inside the caller's process: `requests` reaches them without a socket."""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import requests
from requests.adapters import BaseAdapter, HTTPAdapter
from urllib3 import HTTPResponse
from werkzeug.test import EnvironBuilder, run_wsgi_app

from shop.sandbox.wire import CutLine, Silence

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication


class WSGIAdapter(BaseAdapter):
    """Send a `requests` session's calls to a WSGI app; its faults become `requests` errors."""

    def __init__(self, app: WSGIApplication) -> None:
        super().__init__()
        self._app = app

    def send(
        self, request: requests.PreparedRequest, stream: bool = False,
        timeout: float | tuple[float, float] | tuple[float, None] | None = None,
        verify: bool | str = True, cert: Any = None, proxies: Mapping[str, str] | None = None,
    ) -> requests.Response:  # fmt: skip
        """Serve one request in this thread."""
        environ = _environ(request)
        try:
            body, status, headers = run_wsgi_app(self._app, environ, buffered=True)
        except Silence as error:
            raise requests.ReadTimeout(str(error), request=request) from error
        except CutLine as error:
            raise requests.ConnectionError(str(error), request=request) from error
        code, _, reason = status.partition(" ")
        raw = HTTPResponse(
            body=io.BytesIO(b"".join(body)),
            headers=dict(headers.items()),
            status=int(code),
            reason=reason,
            preload_content=False,
        )
        response: requests.Response = HTTPAdapter().build_response(request, raw)
        if not stream:
            _ = response.content
        return response

    def close(self) -> None:
        """Nothing to put away."""


def _environ(request: requests.PreparedRequest) -> dict[str, Any]:
    body = request.body or b""
    if isinstance(body, str):
        body = body.encode()
    assert isinstance(body, bytes), "streams are not sent to the sandbox"
    parts = urlsplit(request.url or "")
    return EnvironBuilder(
        path=parts.path,
        base_url=f"{parts.scheme}://{parts.netloc}/",
        query_string=parts.query,
        method=request.method or "GET",
        headers=list(request.headers.items()),
        input_stream=io.BytesIO(body),
        content_length=len(body),
    ).get_environ()
