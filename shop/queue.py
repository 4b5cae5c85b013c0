"""The doorbell: RQ says "look now", the database says what there is to do (D1).

Nothing here may fail a page: with Redis away the clock process finds the same rows a little later.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from flask import current_app

from shop import boundary

if TYPE_CHECKING:
    from redis import Redis
    from rq import Queue

logger = logging.getLogger(__name__)

QUEUE: Final = "cauri"
#: Rings within this time of one another are one ring.
BELL_MS: Final = 500
#: A drain that outlives this was hung; its rows are leased and will be found again.
JOB_TIMEOUT_S: Final = 90


def ring(job: str) -> bool:
    """Ask a worker to run `shop.jobs.<job>` soon; say whether the bell was heard.

    Call it after the transaction, never inside: a worker must find what it is told to look for.
    """
    assert not boundary.in_transaction(), "ring after the commit"
    redis, heard = page_connection(), False
    if redis is None:
        return False
    with shrugging(f"the bell for {job} was not heard"):
        if redis.set(f"cauri:bell:{job}", 1, nx=True, px=BELL_MS):
            _queue(redis).enqueue(
                "shop.jobs.run", job, result_ttl=0, failure_ttl=86_400, job_timeout=JOB_TIMEOUT_S
            )
        heard = True
    return heard  # noqa: RET504 -- the block above may end early, in silence


def silence(job: str) -> None:
    """Clear the bell; a drain does this before it reads, so that no later ring is lost."""
    redis = page_connection()
    if redis is None:
        return
    with shrugging(f"the bell for {job} was not cleared"):
        redis.delete(f"cauri:bell:{job}")


def page_connection() -> Redis | None:
    """Redis for pages, which gives up at once; None where there is none."""
    url = current_app.config["SETTINGS"].redis_url
    return _page_redis(url) if url is not None else None


@contextmanager
def shrugging(what: str) -> Iterator[None]:
    """Let Redis fail without failing anybody: the database has the truth and the clock the time."""
    from redis.exceptions import RedisError

    try:
        yield
    except RedisError as error:
        logger.warning("%s: %s", what, type(error).__name__)


def _queue(redis: Redis) -> Queue:
    from rq import Queue
    from rq.serializers import JSONSerializer

    return Queue(QUEUE, connection=redis, serializer=JSONSerializer)


@lru_cache(maxsize=4)
def _page_redis(url: str) -> Redis:
    """A connection that gives up at once: redis-py's own patience would hang a page for a minute."""
    from redis import Redis
    from redis.backoff import NoBackoff
    from redis.retry import Retry

    return Redis.from_url(
        url, socket_timeout=0.5, socket_connect_timeout=0.5, retry=Retry(NoBackoff(), 0)
    )


def worker_redis(url: str) -> Redis:
    """A connection for the worker, which may wait for work."""
    from redis import Redis

    return Redis.from_url(url)
