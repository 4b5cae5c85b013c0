"""What our pages are compared with: the least a server can do, and what one writes at first.

Each function is a WSGI application for gunicorn: `benchmarks.rivals:bare_insert()`. They read their
servers' addresses from the same settings as ours.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import threading
from typing import Any

import psycopg
from flask import Flask, abort, jsonify, request

from shop.sandbox.credentials import WAVE

#: The tables of the two rivals: what ours keeps of an event, without its rules.
TABLES = "".join(
    f"CREATE TABLE {name} (id bigserial PRIMARY KEY, provider text, event_id text, body bytea,"
    f" status text DEFAULT 'queued', UNIQUE (provider, event_id));"
    for name in ("bare_event", "naive_event")
)
_threads = threading.local()


def _connection() -> psycopg.Connection:
    if not hasattr(_threads, "connection"):
        dsn = os.environ["DATABASE_URL"].replace("postgresql+psycopg:", "postgresql:")
        _threads.connection = psycopg.connect(dsn, autocommit=True, prepare_threshold=1)
    connection: psycopg.Connection = _threads.connection
    return connection


def hello() -> Flask:
    """The least Flask can do."""
    app = Flask("hello")
    app.add_url_rule("/", view_func=lambda: "ok")
    return app


def constant_catalogue() -> Flask:
    """The limit of the catalogue: our own page, with shelves and menus that never change."""
    from shop import create_app
    from shop.stores import catalogue

    app = create_app()
    with app.app_context():
        shelf, menus = catalogue.shelf(), catalogue.menus()
    catalogue.shelf = lambda **_asked: shelf
    catalogue.menus = lambda: menus
    return app


def bare_insert() -> Flask:
    """The limit of a webhook: one INSERT and COMMIT by the bare driver; nothing is checked."""
    app = Flask("bare")

    @app.post("/webhook/wave/")
    def receive() -> str:
        body = request.get_data(cache=False)
        event_id = request.headers["X-Event"]
        _connection().execute(
            "INSERT INTO bare_event (provider, event_id, body) VALUES ('wave', %s, %s)"
            " ON CONFLICT (provider, event_id) DO NOTHING RETURNING id",
            (event_id, body),
        ).fetchone()
        return "ok"

    return app


def naive_webhook() -> Flask:
    """What one writes at first: look, insert, commit through the ORM, one job per event."""
    from flask_sqlalchemy import SQLAlchemy
    from redis import Redis
    from rq import Queue

    app = Flask("naive")
    app.config["SQLALCHEMY_DATABASE_URI"] = os.environ["DATABASE_URL"]
    db = SQLAlchemy(app)
    queue = Queue("naive", connection=Redis.from_url(os.environ["REDIS_URL"]))

    class Event(db.Model):  # type: ignore[name-defined, misc]
        __tablename__ = "naive_event"
        id = db.Column(db.BigInteger, primary_key=True)
        provider = db.Column(db.Text)
        event_id = db.Column(db.Text)
        body = db.Column(db.LargeBinary)
        status = db.Column(db.Text, default="queued")

    @app.post("/webhook/wave/")
    def receive() -> Any:
        _check_signature()
        event = request.get_json()
        if Event.query.filter_by(provider="wave", event_id=event["id"]).first():
            return jsonify(ok=True, duplicate=True)
        kept = Event(provider="wave", event_id=event["id"], body=request.get_data())
        db.session.add(kept)
        db.session.commit()
        queue.enqueue("benchmarks.rivals.process", kept.id)
        return jsonify(ok=True, id=kept.id)

    return app


def process(_event_id: int) -> None:
    """Stand for the job of one event; no worker runs during the measurement."""


def _check_signature() -> None:
    at, _comma, given = request.headers["Wave-Signature"].partition(",v1=")
    secret = WAVE["webhook_secret"].encode()
    signed = at.removeprefix("t=").encode() + request.get_data()
    if not hmac.compare_digest(hmac.new(secret, signed, hashlib.sha256).hexdigest(), given):
        abort(401)
