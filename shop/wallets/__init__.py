"""Wallets: what we owe people, shown to the franc, and sent to their phones when they ask."""

from __future__ import annotations

from flask import Flask


def init_app(app: Flask) -> None:
    """Attach this room's pages."""
    from shop.wallets import views

    app.register_blueprint(views.bp)
