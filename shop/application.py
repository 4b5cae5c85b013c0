"""The top floor: builds the application out of its rooms, and decides nothing else."""

from __future__ import annotations

from pathlib import Path

from flask import Flask

import config
from shop import (
    accounts,
    checkout,
    cli,
    db,
    earnings,
    health,
    i18n,
    orders,
    payments,
    reputation,
    stores,
    tontines,
    wallets,
    web,
    webhooks,
)

ROOT = Path(__file__).resolve().parent.parent


def build(settings: config.Settings | None = None) -> Flask:
    """Wire settings, database, languages, pages and commands together."""
    settings = settings or config.from_environment()
    app = Flask("shop", root_path=str(ROOT), template_folder="templates", static_folder="static")
    app.config["SETTINGS"] = settings
    app.config["SQLALCHEMY_DATABASE_URI"] = settings.database_url
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    db.init_app(app)
    i18n.init_app(app)
    web.init_app(app)
    buying = (accounts, stores, checkout, orders, earnings, payments, wallets, reputation, tontines)
    for room in (*buying, health, webhooks, cli):
        room.init_app(app)
    return app
