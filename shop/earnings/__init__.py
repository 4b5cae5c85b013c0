"""Earnings: what shops sold, when their money comes, and the payouts that bring it."""

from __future__ import annotations

from flask import Flask


def init_app(app: Flask) -> None:
    """Attach this room's pages."""
    from shop.earnings import views

    app.register_blueprint(views.bp)
