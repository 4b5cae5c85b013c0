"""(i) The catalogue: 24 products out of many, against the same page with constant data."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack

import sqlalchemy as sa

from benchmarks import market
from benchmarks.harness import Comparison, Goal, interleave
from benchmarks.load import request, send_all
from benchmarks.server import serving
from benchmarks.stage import Stage, staged
from shop.db import session
from shop.stores import catalogue
from shop.stores.models import Product

PAGES = 100
READS = 100
LIMIT, FIRST, DEEP = "constant data", "first page", "half-way page"
SELECT_1 = "SELECT 1"
WHY = "The page sends one statement, on a connection that needs no BEGIN: the rest is SQLAlchemy's."
SIZES = (10_000, 100_000)

FILL = """
    INSERT INTO product (code, store_id, category_id, name, description, price_amount, currency,
                         stock, status, search_text, created_at)
    SELECT lpad(n::text, 8, 'X'), 1, 1, 'Pagne tissé ' || n, repeat('mots ', 30), 12500, 'XOF', n % 9,
           'active', 'pagne tisse ' || n, timestamptz '2026-01-01' + n * interval '1 minute'
    FROM generate_series({0}, {1}) n
"""


def run(rounds: int) -> list[Comparison]:
    """Read the shelves at two sizes, then compare whole pages over HTTP at the larger."""
    with staged() as stage:
        market.open_shop()
        reads, filled = [], 0
        for size in SIZES:
            with stage.connect() as connection:
                connection.execute(FILL.format(filled + 1, size))
                connection.execute("ANALYZE product")
            filled = size
            reads.append(_reads(rounds, size))
        growth = reads[1].ratio(FIRST) / reads[0].ratio(FIRST)
        pages = _pages(stage, rounds)
    note = f"First page against SELECT 1, {SIZES[0]:,} to {SIZES[1]:,} products: {growth:.2f}×."
    reads[1] = reads[1].judged(
        Goal(DEEP, FIRST, 1.2, at_most=True), notes=[f"{note} The goal of growth is ≤ 1.2×."]
    )
    return [*reads, pages.judged(Goal(FIRST, LIMIT, 0.45, why_missed=WHY), Goal(DEEP, FIRST, 0.9))]


def _deep_cursor() -> str:
    """Make the cursor of the page in the middle of the shelf."""
    count = session.scalar(sa.select(sa.func.count(Product.id))) or 0
    middle = sa.select(Product).order_by(Product.created_at, Product.id).offset(count // 2)
    row = session.scalars(middle.limit(1)).one()
    return catalogue._cursor(row)


def _reads(rounds: int, size: int) -> Comparison:
    cursor = _deep_cursor()
    variants: dict[str, Callable[[], float]] = {
        SELECT_1: lambda: _read(lambda: session.execute(sa.text("SELECT 1")).all()),
        FIRST: lambda: _read(catalogue.shelf),
        DEEP: lambda: _read(lambda: catalogue.shelf(after=cursor)),
    }
    name = f"Catalogue: reading a shelf of {size:,}"
    return interleave(name, variants, rounds=rounds, limit=SELECT_1, unit="ms")


def _read(read: Callable[[], object]) -> float:
    began = time.perf_counter()
    for _ in range(READS):
        read()
        session.rollback()
    return (time.perf_counter() - began) / READS * 1e3


def _pages(stage: Stage, rounds: int) -> Comparison:
    with ExitStack() as servers:
        app = "benchmarks.rivals:constant_catalogue()"
        constant = servers.enter_context(serving(app, env=stage.env))
        ours = servers.enter_context(serving(env=stage.env))
        first, deep = request("/"), request(f"/?after={_deep_cursor()}")
        session.rollback()
        variants: dict[str, Callable[[], float]] = {
            LIMIT: lambda: _rate(constant.url, [first] * PAGES),
            FIRST: lambda: _rate(ours.url, [first] * PAGES),
            DEEP: lambda: _rate(ours.url, [deep] * PAGES),
        }
        for warm in variants.values():
            warm()
        name = f"Catalogue: pages per second, {SIZES[-1]:,} products"
        return interleave(name, variants, rounds=rounds, limit=LIMIT, unit="pages/s")


def _rate(url: str, requests: Sequence[bytes]) -> float:
    load = send_all(url, requests)
    assert set(load.statuses) == {200}, f"not every page came: {load.statuses}"
    return load.rate
