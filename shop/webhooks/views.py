"""The door for providers: raw bytes in, one INSERT, an answer. No session, no CSRF, no page."""

from __future__ import annotations

import logging

from flask import Blueprint, abort, request
from werkzeug.wrappers import Response

from shop import queue
from shop.payments.service import providers
from shop.signals import tell, webhook_received
from shop.web import csrf, public
from shop.webhooks import service
from shop.webhooks.service import MAX_BYTES, Reception

logger = logging.getLogger(__name__)

bp = Blueprint("webhooks", __name__)
csrf.exempt(bp)

#: 401 for a false signature; everything else is "thank you": a forger learns nothing from it.
STATUSES = {Reception.REJECTED: 401}


@bp.route("/webhook/<provider>/", methods=["POST", "PUT"])
@bp.route("/webhook/<provider>/<token>/", methods=["POST", "PUT"])
@bp.route("/payment/webhook/<provider>/", methods=["POST", "PUT"])
@bp.route("/payment/webhook/<provider>/<token>/", methods=["POST", "PUT"])
@public
def receive(provider: str, token: str | None = None) -> Response:
    """Store a provider's message and ring for somebody to look at it."""
    known = providers().get(provider)
    if known is None or (token is not None and len(token) > 43):
        abort(404)
    if (request.content_length or 0) > MAX_BYTES:
        abort(413)
    body = request.stream.read(MAX_BYTES + 1)
    if len(body) > MAX_BYTES:
        abort(413)
    reception = service.receive(known, headers=dict(request.headers), body=body, path_token=token)
    logger.info("webhook from %s: %s", provider, reception)
    if reception is Reception.STORED:
        tell(webhook_received, provider)
        queue.ring("process_webhooks")
    return Response(status=STATUSES.get(reception, 200), content_type="text/plain")


@bp.get("/webhook/<provider>/")
@bp.get("/webhook/<provider>/<token>/")
@bp.get("/payment/webhook/<provider>/")
@bp.get("/payment/webhook/<provider>/<token>/")
@public
def ping(provider: str, token: str | None = None) -> Response:
    """Answer providers that call the address to see whether it lives (E9); nothing happens."""
    if provider not in providers():
        abort(404)
    return Response(status=200, content_type="text/plain")
