"""What every page shares: who may see it, its headers, its form keys, its ways of saying no."""

from __future__ import annotations

import hashlib
import logging
import secrets
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

from flask import (
    Flask,
    Response,
    abort,
    current_app,
    g,
    redirect,
    render_template,
    request,
    url_for,
)
from flask_compress import Compress
from flask_login import LoginManager, current_user
from flask_wtf.csrf import CSRFError, CSRFProtect
from werkzeug.exceptions import HTTPException
from werkzeug.middleware.proxy_fix import ProxyFix
from werkzeug.wrappers import Response as BaseResponse

from shop import i18n, references, schema
from shop.errors import NotFound, Refusal

logger = logging.getLogger(__name__)

csrf = CSRFProtect()
login_manager = LoginManager()
compress = Compress()

_hashes: dict[str, tuple[int, str]] = {}

View = TypeVar("View", bound=Callable[..., Any])

CSP = (
    "default-src 'none'; style-src 'self'; img-src 'self' data:; script-src 'self'; connect-src 'self';"
    " form-action 'self'; frame-ancestors 'none'; base-uri 'none'; manifest-src 'self'"
)


def public(view: View) -> View:
    """Open a view to everyone. A view with neither mark is shut, and a test says so."""
    view.access = "public"  # type: ignore[attr-defined]
    return view


def signed_in(view: View) -> View:
    """Open a view to signed-in users; others are sent to sign in and come back."""
    view.access = "signed_in"  # type: ignore[attr-defined]
    return view


def guest_or_signed_in(view: View) -> View:
    """Open a view to anybody, who is then answered for by the object's owner check inside."""
    view.access = "owner"  # type: ignore[attr-defined]
    return view


def access_of(app: Flask, endpoint: str) -> str | None:
    """Say who may call an endpoint: `public`, `signed_in`, `owner`, or None when nobody said."""
    return getattr(app.view_functions[endpoint], "access", None)


def init_app(app: Flask) -> None:
    """Attach guards, headers, CSRF, compression and error pages."""
    settings = app.config["SETTINGS"]
    app.config.update(
        SECRET_KEY=settings.secret_key,
        SESSION_COOKIE_NAME="__Host-session" if settings.https else "session",
        SESSION_COOKIE_SECURE=settings.https,
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        PERMANENT_SESSION_LIFETIME=30 * 86_400,
        MAX_CONTENT_LENGTH=12 * 2**20,
        MAX_FORM_MEMORY_SIZE=2**20,
        WTF_CSRF_TIME_LIMIT=12 * 3600,
        COMPRESS_MIMETYPES=["text/html", "text/css", "application/javascript", "image/svg+xml", "text/plain"],
        COMPRESS_MIN_SIZE=400,
    )  # fmt: skip
    if settings.https:
        app.config["TRUSTED_HOSTS"] = [urlsplit(settings.public_url).hostname]
    if settings.proxy_hops:
        hops = settings.proxy_hops
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=hops, x_proto=hops)  # type: ignore[method-assign]
    csrf.init_app(app)
    login_manager.init_app(app)
    login_manager.user_loader(lambda _token: None)  # until the accounts room says better
    compress.init_app(app)
    app.before_request(_guard)
    app.after_request(_headers)
    app.register_error_handler(Refusal, _refusal)
    app.register_error_handler(CSRFError, _stale_form)
    app.register_error_handler(HTTPException, _http_error)
    app.register_error_handler(Exception, _surprise)
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
    app.jinja_env.globals.update(
        form_key=form_key, static=static_url, language=i18n.language, site_name=settings.site_name,
        refusal_sentence=i18n.refusal_sentence,
    )  # fmt: skip
    app.view_functions["static"] = _public_static(app)


def _public_static(app: Flask) -> Callable[..., Any]:
    send: Callable[..., Any] = app.view_functions["static"]

    @public
    def static(filename: str) -> Any:
        answer: Response = send(filename=filename)
        # Read whole: behind the compressor, a streamed file would stay open after its answer.
        answer.direct_passthrough = False
        answer.make_sequence()
        return answer

    return static


def static_url(filename: str) -> str:
    """Address a static file by its content, so that browsers may keep it for ever."""
    path = Path(str(current_app.static_folder)) / filename
    mark = path.stat().st_mtime_ns
    if _hashes.get(filename, (0, ""))[0] != mark:
        _hashes[filename] = (mark, hashlib.sha256(path.read_bytes()).hexdigest()[:10])
    return url_for("static", filename=filename, v=_hashes[filename][1])


def _guard() -> BaseResponse | None:
    if request.endpoint is None:
        return None
    if request.endpoint != "static" and not current_app.config.get("SCHEMA_READY"):
        schema.require()
        current_app.config["SCHEMA_READY"] = True
    if request.blueprint != "webhooks" and any("\x00" in text for text in request.values.values()):
        abort(400)  # no person types it, and PostgreSQL cannot keep it
    access = access_of(current_app, request.endpoint)
    assert access is not None, f"{request.endpoint} says neither @public nor @signed_in"
    if access == "signed_in" and not current_user.is_authenticated:
        return redirect(url_for("accounts.login", next=request.full_path.rstrip("?")), 303)
    return None


def _headers(response: Response) -> Response:
    response.headers.setdefault("Content-Security-Policy", CSP)
    response.headers.setdefault("X-Content-Type-Options", "nosniff")
    response.headers.setdefault("Referrer-Policy", "same-origin")
    response.headers.setdefault("Cross-Origin-Opener-Policy", "same-origin")
    if current_app.config["SETTINGS"].https:
        response.headers.setdefault(
            "Strict-Transport-Security", "max-age=31536000; includeSubDomains"
        )
    if request.endpoint == "static":
        if "v" in request.args:
            response.headers["Cache-Control"] = "public, max-age=31536000, immutable"
    elif not response.cache_control:
        response.headers["Cache-Control"] = "private, no-cache"
    return response


def form_key() -> str:
    """Make the hidden key of a form: unique, so that two taps are one submission (B4)."""
    return secrets.token_urlsafe(16)


def safe_next(target: str | None, default: str) -> str:
    """Keep a return address only when it is a path of this site (D2)."""
    if not target or not target.startswith("/") or target.startswith(("//", "/\\")):
        return default
    parts = urlsplit(target)
    if parts.scheme or parts.netloc or any(ord(c) < 32 or c == "\\" for c in target):
        return default
    return target


def wants_json() -> bool:
    """Say whether the caller is a program."""
    return request.path.startswith("/api/") or (
        request.accept_mimetypes.best_match(["text/html", "application/json"]) == "application/json"
    )


def _page(template: str, status: int, **values: Any) -> tuple[str | dict[str, Any], int]:
    if wants_json():
        return {
            "error": {"code": values.get("code", "error"), "message": values.get("title", "")}
        }, status
    return render_template(template, status=status, **values), status


def _refusal(error: Refusal) -> Any:
    logger.info("refused %s: %s", error.code, error)
    if isinstance(error, NotFound):
        return _page("errors/not_found.html", 404, code="not_found")
    return _page("errors/refused.html", error.http_status, code=error.code)


def _stale_form(error: CSRFError) -> Any:
    return _page("errors/stale_form.html", 400, code="stale_form")


def _http_error(error: HTTPException) -> Any:
    if error.code is None or error.code < 400:
        return error
    if error.code == 404:
        return _page("errors/not_found.html", 404, code="not_found")
    return _page("errors/http.html", error.code, code=error.name.lower().replace(" ", "_"))


def _surprise(error: Exception) -> Any:
    from shop.db import session

    session.rollback()
    g.incident = references.new()
    logger.error("incident %s at %s", g.incident, request.endpoint, exc_info=error)
    return _page(
        "errors/incident.html", 500, code="incident", incident=references.spaced(g.incident)
    )
