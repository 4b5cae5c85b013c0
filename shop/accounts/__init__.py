"""People: signing in by number, code and PIN; guests; the devices that know us."""

from __future__ import annotations

from flask import Flask


def init_app(app: Flask) -> None:
    """Attach this room's pages, and tell flask-login what a session is."""
    from shop import i18n, web
    from shop.accounts import account_views, refusals, session, views

    web.login_manager.user_loader(session.load)
    # Devices are rows: fingerprints of browsers would only sign out people whose network changes.
    web.login_manager.session_protection = None
    i18n.word_refusals(refusals.SENTENCES)
    app.register_blueprint(views.bp)
    app.register_blueprint(account_views.bp)
