"""(k) A shop's dashboard with a long past behind it, against SELECT 1: its figures are read by indexes."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import sqlalchemy as sa

from benchmarks import market
from benchmarks.harness import Comparison, interleave
from benchmarks.stage import Stage, staged
from shop import clock
from shop.db import db, session
from shop.earnings import boards, windows
from shop.stores.models import Store

READS = 20
SELECT_1, BOARD = "SELECT 1", "dashboard, 30 days"
SIZES = (10_000, 100_000)

#: 72 sales a day for years; all but the last five were paid out.
FILL = """
    INSERT INTO seller_order (reference, order_id, store_id, currency, items_amount, delivery_amount,
        total_amount, commission_bp, commission_amount, status, created_at, paid_at, promised_hours,
        stage, escrow, closed_at, released_amount, kept_amount, refunded_amount, payout_id)
    SELECT lpad(n::text, 8, '0'), n, 1, 'XOF', 10000, 1000, 11000, 500, 500, 'paid', at, at, 48,
        'confirmed', 'released', at, 10500, 500, 0, CASE WHEN n > 5 THEN 1 END
    FROM (SELECT n, now() - n * interval '20 minutes' AS at FROM generate_series({0}, {1}) n) sold
"""
#: The attempt that paid each of them; one in five was refused.
PAY = """
    INSERT INTO payment (reference, form_key, callback_token, purpose, purpose_id, user_id, method,
        provider, country, payer_phone, currency, amount, fee_amount, language, status, memory, checks,
        created_at, settled_at, expires_at)
    SELECT lpad(n::text, 8, '0'), 'form-' || n, 'token-' || n, 'order', n, 2, 'wave-ci', 'wave', 'CI',
        '+2250701020304', 'XOF', 11000, 0, 'fr',
        CASE WHEN n % 5 = 0 THEN 'failed' ELSE 'succeeded' END, '{{}}', 1, at, at, at
    FROM (SELECT n, now() - n * interval '20 minutes' AS at FROM generate_series({0}, {1}) n) sold
"""


def run(rounds: int) -> list[Comparison]:
    """Read the dashboard of one shop at two lengths of its past."""
    with staged() as stage:
        market.open_shop()
        found, filled = [], 0
        for size in SIZES:
            _fill(stage, filled + 1, size)
            filled = size
            found.append(_reads(rounds, size))
        scans, statements = _scans(), len(_heard())
        assert not scans, f"the dashboard reads a whole table: {scans}"
    growth = found[1].median(BOARD) / found[0].median(BOARD)
    note = (
        f"{SIZES[0]:,} to {SIZES[1]:,} orders: {growth:.2f}× the time, in {statements} statements."
        " The goal of growth is ≤ 1.2×. EXPLAIN names no sequential scan of orders, payments or"
        " transfers."
    )
    found[1] = found[1].judged(notes=[note])
    return found


def _fill(stage: Stage, first: int, last: int) -> None:
    with stage.connect() as connection:
        # Years of orders at once, not step by step: the rules of one step are not what is measured.
        connection.execute("SET session_replication_role = replica")
        connection.execute(FILL.format(first, last))
        connection.execute(PAY.format(first, last))
        connection.execute("ANALYZE")


def _reads(rounds: int, size: int) -> Comparison:
    def board() -> float:
        return _timed(_board)

    def nothing() -> float:
        return _timed(lambda: session.execute(sa.text(SELECT_1)))

    name = f"Dashboard of a shop with {size:,} orders: one reading"
    return interleave(
        name, {SELECT_1: nothing, BOARD: board}, rounds=rounds, limit=SELECT_1, unit="ms"
    )


def _board() -> boards.Board:
    store = session.scalars(sa.select(Store)).one()
    board = boards.of(store, windows.last(30, clock.now().date()))
    assert board.sales.orders > 0, "the dashboard shows the orders"
    return board


def _timed(read: Callable[[], object]) -> float:
    begun = time.perf_counter()
    for _ in range(READS):
        read()
        session.rollback()
    return (time.perf_counter() - begun) / READS * 1000


def _heard() -> list[tuple[str, Any]]:
    """Collect every statement that one reading sends, with its values."""
    heard: list[tuple[str, Any]] = []

    def hear(*told: Any) -> None:
        heard.append((told[2], told[3]))

    sa.event.listen(db.engine, "before_cursor_execute", hear)
    _board()
    sa.event.remove(db.engine, "before_cursor_execute", hear)
    session.rollback()
    return heard


def _scans() -> list[str]:
    """Ask EXPLAIN about each statement of the dashboard; give the large tables read from end to end."""
    large = ("seller_order", "payment", "transfer", "payout_line")
    with db.engine.connect() as connection:
        plans = [
            [row[0] for row in connection.exec_driver_sql(f"EXPLAIN {statement}", parameters)]
            for statement, parameters in _heard()
            if statement.startswith("SELECT")
        ]
    return [
        line
        for plan in plans
        for line in plan
        if any(f"Seq Scan on {table}" in line for table in large)
    ]
