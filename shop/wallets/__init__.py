"""Wallets: what we owe people, shown to the franc, and sent to their phones when they ask."""

from __future__ import annotations

from flask import Flask


def init_app(app: Flask) -> None:
    """Attach this room's pages."""
    from shop.wallets import number_views, proof_views, statement_views, top_up_views, views

    for each in (views, top_up_views, number_views, statement_views, proof_views):
        app.register_blueprint(each.bp)
