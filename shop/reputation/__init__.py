"""Reputation: what a shop has earned, counted from its orders, and what its buyers say."""

from __future__ import annotations

from flask import Flask
from flask_babel import format_decimal


def init_app(app: Flask) -> None:
    """Attach this room's pages and words."""
    from shop import i18n
    from shop.reputation import refusals, views

    # One decimal, with the language's own sign between: 4,7 and 4.7.
    app.jinja_env.filters["mark"] = lambda mark: format_decimal(mark, format="0.0")
    i18n.word_refusals(refusals.SENTENCES)
    app.register_blueprint(views.bp)
