"""Messages from providers: an inbox that keeps raw bytes and moves no money."""

from __future__ import annotations

from flask import Flask


def init_app(app: Flask) -> None:
    """Attach the providers' door."""
    from shop.webhooks.views import bp

    app.register_blueprint(bp)
