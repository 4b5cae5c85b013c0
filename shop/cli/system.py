"""The processes and their settings: `flask worker`, `flask clock`, `flask config check`."""

from __future__ import annotations

import logging

import click
from flask import current_app
from flask.cli import AppGroup

from shop import jobs, queue, schema, sweeper
from shop.cli.output import Exit, emit, fail, json_option, say
from shop.db import db, follow_database_clock
from shop.payments.service import providers

config_group = AppGroup("config", help="What this installation is made of.")


@click.command("worker")
def worker() -> None:
    """Run background work as it is rung for (needs REDIS_URL)."""
    settings = current_app.config["SETTINGS"]
    if settings.redis_url is None:
        fail(Exit.ERROR, "no_redis", "REDIS_URL is not set: `flask clock` alone does all the work.")
    _begin()
    from rq import Queue, SimpleWorker
    from rq.serializers import JSONSerializer

    redis = queue.worker_redis(settings.redis_url)
    rung = Queue(queue.QUEUE, connection=redis, serializer=JSONSerializer)
    follow_database_clock()
    for name in jobs.JOBS:
        jobs.run(name)  # whatever fell due while nobody worked, and a warm start
    say("worker ready")
    SimpleWorker([rung], connection=redis, serializer=JSONSerializer, worker_ttl=60).work()


@click.command("clock")
def clock_process() -> None:
    """Find what is due and nobody was rung for; without Redis, do all the work. Several may run."""
    _begin()
    stop = sweeper.stop_on_signals()
    say("clock ready")
    sweeper.run_forever(stop)


def _begin() -> None:
    """Log, and refuse to work on a database that is behind."""
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(name)s %(message)s")
    logging.getLogger("rq").setLevel(logging.WARNING)
    try:
        schema.require()
    except schema.SchemaBehind as error:
        fail(Exit.REFUSED, error.code, f"Not started: {error}.")


@config_group.command("check")
@json_option
def check(as_json: bool) -> None:
    """Say what is configured, and fail when the database is behind its migrations."""
    settings = current_app.config["SETTINGS"]
    facts = {
        "providers_mode": "live" if settings.live else "sandbox",
        "database": db.engine.dialect.name,
        "schema": schema.present() or "none",
        "schema_wanted": schema.wanted(),
        "redis": "configured" if settings.redis_url else "none",
        "public_url": settings.public_url,
        "providers": ", ".join(providers()),
    }
    emit([{"setting": name, "value": value} for name, value in facts.items()], as_json=as_json)
    if facts["schema"] != facts["schema_wanted"]:
        fail(Exit.DIFFERENCES, "schema_behind", "The database is behind: run `flask db upgrade`.")
