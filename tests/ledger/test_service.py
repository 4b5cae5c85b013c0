"""Posting: once per key, whole or not at all, and every figure read back is the sum of its rows."""

from __future__ import annotations

from itertools import count

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shop.db import session, transaction
from shop.errors import InsufficientFunds
from shop.ledger import audit, chart
from shop.ledger import service as ledger
from shop.ledger.chart import Account
from shop.ledger.entries import Entry, Leg
from shop.ledger.models import LedgerAccount, Transfer
from shop.ledger.service import KeyReused
from shop.money import Money
from tests.ledger.books import FLOAT, entry, fund, post, seal


def transfers() -> int:
    session.rollback()
    return session.scalar(sa.select(sa.func.count(Transfer.id)))


def held(account: Account) -> int:
    session.rollback()
    return ledger.balance(account).amount


def test_posting_twice_writes_once(app):
    wallet = chart.wallet(1, "XOF")

    assert post(FLOAT, wallet, 5_000, key="receipt:1") is True
    assert post(FLOAT, wallet, 5_000, key="receipt:1") is False

    assert transfers() == 1
    assert held(wallet) == 5_000


@pytest.mark.parametrize(
    "other",
    [
        (FLOAT, chart.wallet(1, "XOF"), 5_001),
        (FLOAT, chart.wallet(2, "XOF"), 5_000),
        (chart.float_at("mtn", "XOF"), chart.wallet(1, "XOF"), 5_000),
    ],
    ids=["amount", "credit", "debit"],
)
def test_a_key_with_other_content_is_a_bug(app, other):
    post(FLOAT, chart.wallet(1, "XOF"), 5_000, key="receipt:1")

    with pytest.raises(KeyReused):
        post(*other, key="receipt:1")

    assert transfers() == 1


def test_half_of_an_event_is_not_the_event(app):
    wallet = chart.wallet(1, "XOF")
    post(FLOAT, wallet, 5, key="a")

    legs = (Leg("a", FLOAT, wallet, Money(5, "XOF")), Leg("b", FLOAT, wallet, Money(5, "XOF")))

    with pytest.raises(KeyReused), transaction():
        ledger.post(Entry("test", legs))

    assert transfers() == 1


def test_too_little_money_leaves_nothing(app):
    wallet, other = fund(1, 1_000), chart.wallet(2, "XOF")

    with pytest.raises(InsufficientFunds) as refused:
        post(wallet, other, 1_001)

    assert refused.value.available == Money(1_000, "XOF")
    assert transfers() == 1
    assert (
        session.scalar(sa.select(LedgerAccount.id).where(LedgerAccount.code == other.code)) is None
    )


def test_the_second_leg_that_fails_takes_the_first_with_it(app):
    wallet = fund(1, 1_000)
    legs = tuple(
        Leg(f"leg:{n}", wallet, chart.wallet(2, "XOF"), Money(600, "XOF")) for n in range(2)
    )

    with pytest.raises(InsufficientFunds), transaction():
        ledger.post(Entry("test", legs))

    assert held(wallet) == 1_000


def test_money_may_pass_through_a_wallet_in_one_event(app):
    wallet, other = chart.wallet(1, "XOF"), chart.wallet(2, "XOF")
    legs = (
        Leg("in", FLOAT, wallet, Money(700, "XOF")),
        Leg("on", wallet, other, Money(700, "XOF")),
    )

    with transaction():
        ledger.post(Entry("test", legs))

    assert (held(wallet), held(other)) == (0, 700)
    assert audit.check() == []


def test_posting_outside_a_transaction_is_a_bug(app):
    with pytest.raises(AssertionError):
        ledger.post(entry(FLOAT, chart.wallet(1, "XOF"), 5))


def test_a_natural_side_reads_positive(app):
    fund(1, 800)

    assert held(FLOAT) == 800
    seal()
    fund(1, 50)
    assert held(FLOAT) == 850


#: Places money may move between, guarded and not.
PLACES = [
    FLOAT,
    chart.float_at("mtn", "XOF"),
    chart.wallet(1, "XOF"),
    chart.wallet(2, "XOF"),
    chart.escrow(1, "XOF"),
    chart.income("commission", "XOF"),
    chart.suspense("wave", "XOF"),
]
MOVES = st.lists(
    st.tuples(
        st.sampled_from(PLACES), st.sampled_from(PLACES), st.integers(1, 3_000), st.integers(0, 30)
    ).filter(lambda move: move[0] != move[1]),
    max_size=12,
)


class Model:
    """The books in twenty lines: what a careful clerk would hold after the same events."""

    def __init__(self) -> None:
        self.held: dict[Account, int] = {}
        self.seen: dict[str, tuple[Account, Account, int]] = {}

    def post(self, debit: Account, credit: Account, amount: int, key: str) -> object:
        if key in self.seen:
            return False if self.seen[key] == (debit, credit, amount) else KeyReused
        if debit.guarded and self.held.get(debit, 0) < amount:
            return InsufficientFunds
        self.seen[key] = (debit, credit, amount)
        self.held[debit] = self.held.get(debit, 0) - amount
        self.held[credit] = self.held.get(credit, 0) + amount
        return True


def test_any_postings_keep_every_rule(app):
    """Against a model, with seals anywhere between; the two must agree after each schedule."""

    runs = count(1)

    @settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
    @given(moves=MOVES, seals=st.sets(st.integers(0, 19), max_size=4))
    def check(moves, seals):
        model, run = Model(), next(runs)
        before = {place: credits_less_debits(place) for place in PLACES}
        for place in PLACES:
            model.held[place] = before[place]
        for n, (debit, credit, amount, key) in enumerate(moves):
            expected = model.post(debit, credit, amount, f"{run}:{key}")
            assert attempt(debit, credit, amount, f"{run}:{key}") == expected
            if n in seals:
                seal()
        assert {place: credits_less_debits(place) for place in PLACES} == model.held
        assert audit.check() == []

    check()


def attempt(debit: Account, credit: Account, amount: int, key: str) -> object:
    try:
        return post(debit, credit, amount, key=key)
    except (KeyReused, InsufficientFunds) as error:
        return type(error)


def credits_less_debits(account: Account) -> int:
    natural = held(account)
    return -natural if account.kind in chart.DEBIT_SIDE else natural


@pytest.mark.parametrize("account", [chart.wallet(1, "XOF"), FLOAT], ids=["wallet", "float"])
def test_a_statement_replays_to_the_balance(app, account: Account):
    wallet = fund(1, 1_000)
    for n in range(1, 8):
        post(FLOAT, wallet, n * 10)
        post(wallet, FLOAT, n)
        if n == 4:
            seal()

    lines = ledger.statement(account, limit=100)

    running = 0
    for line in reversed(lines):
        running += line.moved.amount
        assert line.balance.amount == running
    assert running == held(account)
    pages, before = [], None
    while page := ledger.statement(account, limit=4, before_id=before):
        pages.extend(page)
        before = page[-1].transfer_id
    assert pages == lines


def test_nobody_has_an_empty_statement(app):
    assert ledger.statement(chart.wallet(404, "XOF")) == []
    assert ledger.balance(chart.wallet(404, "XOF")) == Money(0, "XOF")
