"""Orders: what was bought, for how much, from whom, and where its stock stands."""

from __future__ import annotations

from flask import Flask


def init_app(app: Flask) -> None:
    """Attach this room's pages and words."""
    from shop import i18n, references
    from shop.orders import buyer_views, refund_views, refusals, talk_views, views

    i18n.word_refusals(refusals.SENTENCES)
    app.jinja_env.filters.setdefault("reference", references.spaced)
    app.register_blueprint(buyer_views.bp)
    app.register_blueprint(views.bp)
    app.register_blueprint(refund_views.bp)
    app.register_blueprint(talk_views.bp)
    app.register_blueprint(talk_views.seller_bp)
