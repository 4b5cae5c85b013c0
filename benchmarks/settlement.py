"""(b) What providers said, settled: the real road in batches, against a transaction per payment."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

import psycopg
import sqlalchemy as sa

from benchmarks import market
from benchmarks.harness import Comparison, Goal, interleave
from benchmarks.stage import Stage, staged
from shop import clock, settlement
from shop.db import transaction
from shop.leases import Answer
from shop.payments import service as payments
from shop.payments.service import Claim
from shop.providers.values import Outcome, Status
from shop.stores.models import Product

PAYMENTS = 100
LIMIT, NAIVE, OURS = (
    "bare driver, a transaction each",
    "ORM, a transaction each",
    "ours, batches of 50",
)
ALONE = "ours, one by one"

#: The least an event costs: the same kinds of statement, by the bare driver, decided by nobody.
TABLES = """
    CREATE TABLE bare_order (id int PRIMARY KEY, status text, paid_at timestamptz);
    CREATE TABLE bare_payment (id int PRIMARY KEY, status text, settled_at timestamptz);
    CREATE TABLE bare_account (id int PRIMARY KEY, balance bigint CHECK (balance >= 0));
    CREATE TABLE bare_event (id bigserial PRIMARY KEY, payment_id int, words text);
    CREATE TABLE bare_receipt (id bigserial PRIMARY KEY, payment_id int, ref text UNIQUE, amount bigint);
    CREATE TABLE bare_transfer (id bigserial PRIMARY KEY, key text UNIQUE, debit int, credit int,
                                amount bigint CHECK (amount > 0));
    CREATE TABLE bare_notice (id bigserial PRIMARY KEY, key text UNIQUE, words text);
    INSERT INTO bare_order SELECT n, 'awaiting', NULL FROM generate_series(1, 100000) n;
    INSERT INTO bare_payment SELECT n, 'pending', NULL FROM generate_series(1, 100000) n;
    INSERT INTO bare_account SELECT n, 0 FROM generate_series(0, 100000) n;
"""


def run(rounds: int) -> list[Comparison]:
    """Compare payments per second; the books are proved after the last one."""
    with staged() as stage, stage.connect() as connection:
        connection.execute(TABLES)
        shelf = market.open_shop()
        _settled_in(50, _answers(shelf))  # statements compiled, plans warm
        variants: dict[str, Callable[[], float]] = {
            LIMIT: _bare(connection),
            NAIVE: _naive(stage),
            ALONE: lambda: _settled_in(1, _answers(shelf)),
            OURS: lambda: _settled_in(50, _answers(shelf)),
        }
        found = interleave(
            "Settlement: payments settled per second",
            variants,
            rounds=min(rounds, 3),
            limit=LIMIT,
            unit="payments/s",
        )
        stage.check_books()
    return [
        found.judged(
            Goal(
                OURS,
                LIMIT,
                3.0,
                why_missed=(
                    "The limit decides nothing and its tables have no triggers; each of ours walks a state"
                    " machine through the ORM, words two messages and changes some ten rows. A profile"
                    " shows no single large cost; what each part costs was not isolated."
                ),
            ),
            Goal(OURS, NAIVE, 40.0, why_missed="As above: this ORM loop keeps none of our rules."),
            notes=["The books were derived again after the run: no difference."],
        )
    ]


def _answers(product: Product) -> list[Answer[Claim]]:
    """Begin payments, lease them, and let Wave say that they are paid."""
    for _ in range(PAYMENTS):
        market.begin_payment(product, user_id=1)
    claims: list[Claim] = []
    while len(claims) < PAYMENTS:
        with transaction():
            claims += payments.claim_submissions("wave", PAYMENTS)
    return [
        Answer(
            claim,
            Outcome(
                Status.SUCCEEDED, claim.collection.amount, transaction_ref=f"T_{claim.reference}"
            ),
            clock.now(),
            submitted=True,
        )
        for claim in claims
    ]


def _settled_in(size: int, answers: Sequence[Answer[Claim]]) -> float:
    began = time.perf_counter()
    for start in range(0, len(answers), size):
        batch = answers[start : start + size]
        assert settlement.settle_payments(batch) == len(batch), "every answer ends its payment"
    return len(answers) / (time.perf_counter() - began)


#: What one event changes, in the order of the locks.
STATEMENTS = (
    "SELECT status FROM bare_order WHERE id = %(n)s FOR UPDATE",
    "SELECT status FROM bare_payment WHERE id = %(n)s FOR UPDATE",
    "SELECT 1 FROM bare_receipt WHERE ref = %(ref)s",
    "UPDATE bare_order SET status = 'paid', paid_at = now() WHERE id = %(n)s",
    "UPDATE bare_payment SET status = 'succeeded', settled_at = now() WHERE id = %(n)s",
    "INSERT INTO bare_event (payment_id, words) VALUES (%(n)s, 'paid')",
    "INSERT INTO bare_receipt (payment_id, ref, amount) VALUES (%(n)s, %(ref)s, 13500) RETURNING id",
    "SELECT balance FROM bare_account WHERE id = %(n)s FOR NO KEY UPDATE",
    "INSERT INTO bare_transfer (key, debit, credit, amount) VALUES (%(ref)s, 0, %(n)s, 13500)",
    "UPDATE bare_account SET balance = balance + 13500 WHERE id = %(n)s",
    "INSERT INTO bare_notice (key, words) VALUES (%(ref)s, 'paid')",
)


def _bare(connection: psycopg.Connection) -> Callable[[], float]:
    numbers = iter(range(1, 50_000))

    def measure() -> float:
        began = time.perf_counter()
        for _ in range(PAYMENTS):
            number = next(numbers)
            with connection.transaction():
                for statement in STATEMENTS:
                    connection.execute(statement, {"n": number, "ref": f"T_{number}"})
        return PAYMENTS / (time.perf_counter() - began)

    return measure


def _naive(stage: Stage) -> Callable[[], float]:
    """What one writes at first: load, change, add and commit each event through the ORM."""
    from sqlalchemy.ext.automap import automap_base
    from sqlalchemy.orm import Session

    engine = sa.create_engine(stage.env["DATABASE_URL"])
    base = automap_base()
    base.prepare(engine, reflection_options={"only": lambda name, _: name.startswith("bare_")})
    tables, numbers = base.classes, iter(range(50_001, 100_000))

    def one(orm: Session, number: int) -> None:
        ref = f"T_{number}"
        order, payment = orm.get(tables.bare_order, number), orm.get(tables.bare_payment, number)
        account = orm.get(tables.bare_account, number)
        assert order is not None
        assert payment is not None
        assert account is not None
        if orm.query(tables.bare_receipt).filter_by(ref=ref).first():
            return
        order.status, order.paid_at = "paid", clock.now()
        payment.status, payment.settled_at = "succeeded", clock.now()
        account.balance += 13_500
        orm.add(tables.bare_event(payment_id=number, words="paid"))
        orm.add(tables.bare_receipt(payment_id=number, ref=ref, amount=13_500))
        orm.add(tables.bare_transfer(key=ref, debit=0, credit=number, amount=13_500))
        orm.add(tables.bare_notice(key=ref, words="paid"))
        orm.commit()

    def measure() -> float:
        began = time.perf_counter()
        with Session(engine) as orm:
            for _ in range(PAYMENTS):
                one(orm, next(numbers))
        return PAYMENTS / (time.perf_counter() - began)

    return measure
