"""The cart and checkout: from chosen articles to one order waiting for its payment."""

from __future__ import annotations

from typing import Any

from flask import Flask


def init_app(app: Flask) -> None:
    """Attach this room's pages, and the number beside the word Cart on every page."""
    from shop import i18n
    from shop.checkout import cart, views

    @app.context_processor
    def cart_count() -> dict[str, Any]:
        return {"cart_count": cart.count()}

    i18n.word_refusals(
        {cart.CartFull.code: i18n._l("Le panier contient déjà 30 articles différents.")}
    )
    app.register_blueprint(views.bp)
