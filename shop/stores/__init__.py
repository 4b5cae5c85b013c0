"""Shops: the shelves everybody walks along, and the back room of each seller."""

from __future__ import annotations

from flask import Flask


def init_app(app: Flask) -> None:
    """Attach this room's pages and words."""
    from shop.stores import code_views, delivery_views, seller_views, staff_views, views, words

    app.register_blueprint(views.bp)
    app.register_blueprint(seller_views.bp)
    app.register_blueprint(staff_views.bp)
    app.register_blueprint(delivery_views.bp)
    app.register_blueprint(code_views.bp)
    words.init_app(app)
