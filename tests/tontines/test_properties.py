"""What no history may break (TONTINE §8): nothing lost, nothing below zero, nobody served twice."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from shop.money import total
from shop.tontines import changes, rotation
from shop.tontines.changes import Account
from shop.tontines.late_money import Owing, late_money, owing, returned_at_the_end
from shop.tontines.lines import CAISSE, Line
from shop.tontines.money_in import DueKind, after, allocate
from shop.tontines.receive import Settled, receive
from shop.tontines.rotation import Exchanged, Served, apply, whose_turn
from shop.tontines.rules import LateStep
from shop.tontines.waterfall import FeeRule, Missing, Recipient, Round, settle
from tests.tontines.gounghin import CODES, Book, F, G, due, gounghin, opened, round_, turns

STEPS = [step for step in LateStep if step is not LateStep.PARTIAL]
POLICIES = st.permutations(STEPS).flatmap(
    lambda steps: st.integers(0, len(steps)).map(lambda n: (*steps[:n], LateStep.PARTIAL))
)
FRANCS = st.integers(0, 20_000)


@st.composite
def late_shares(draw) -> list[Missing]:
    codes = draw(st.lists(st.sampled_from(CODES[4:]), unique=True, max_size=8))
    return [
        Missing(
            code,
            F(draw(st.integers(1, 10_000))),
            F(draw(FRANCS)),
            F(draw(FRANCS)),
            guarantors=((f"garant-{code}", F(draw(FRANCS))),),
        )
        for code in codes
    ]


@st.composite
def any_rounds(draw) -> Round:
    """A round in which anything may be missing, owed, bid and charged."""
    late = draw(late_shares())
    count = draw(st.integers(1, 4))
    owns = [draw(st.integers(0, 10_000)) for _ in range(count)]
    collected = 120_000 - sum(each.amount.amount for each in late) - sum(owns)
    recipients = tuple(
        Recipient(
            code,
            F(own),
            tuple(
                Line("penalty", "pot:4", CAISSE, F(amount), code)
                for amount in draw(st.lists(st.integers(1, 90_000), max_size=2))
            ),
            discount=F(draw(st.integers(0, 60_000))),
        )
        for code, own in zip(CODES, owns, strict=False)
    )
    return round_(
        collected=collected,
        recipients=recipients,
        late=late,
        caisse=draw(FRANCS),
        days=draw(st.integers(1, 9)),
        fee=draw(st.sampled_from([None, FeeRule(100, F(2_000))])),
        dividend_to=CODES,
    )


@settings(max_examples=300)
@given(any_rounds(), POLICIES, st.integers(0, 2_000), st.integers(0, 10_000))
def test_a_settled_round_loses_nothing_and_overdraws_nobody(round__, policy, retention, cap):
    rules = replace(G, late_policy=policy, retention_bp=retention, caisse_cap_bp=cap)
    book = opened(round__)
    for each in round__.missing:
        for member, most in each.guarantors:
            book.places[f"garant:{member}"] = most.amount
    before = book.total

    result = settle(round__, rules)
    book.post(result.lines)

    assert book.total == before
    assert result == settle(round__, rules), "the same round gives the same lines"
    if result.hold_until is not None:
        assert result.lines == ()
        return
    assert book["pot:4"] == 0
    assert all(held >= 0 for held in book.places.values())
    assert round__.caisse.amount - book[CAISSE] <= round__.caisse.share(cap).amount
    for each in result.payouts:
        kept = each.discount + each.set_off + each.retention + each.fee
        assert each.gross - kept == each.net
    gross = total([each.gross + each.reliquat for each in result.payouts], "XOF")
    assert gross == F(120_000), "what is there and what is owed is the whole pot"


@given(any_rounds(), st.data())
def test_the_order_of_late_money_changes_nothing_in_the_end(round__, data):
    settled = settle(round__, replace(G, wait_days=0))
    # Any part of what each owes, in any order.
    parts = [
        (each.share, data.draw(st.integers(1, each.amount.amount))) for each in round__.missing
    ]

    def ends(order: list[tuple[str, int]]) -> tuple[dict[str, int], Owing]:
        book, owed = Book(), owing(settled)
        for share, amount in order:
            lines, owed = late_money(owed, F(amount), source="payer", payer=share)
            book.post(lines)
        return {k: v for k, v in book.places.items() if not k.startswith("avance")}, owed

    assert ends(parts) == ends(data.draw(st.permutations(parts)))


@given(any_rounds())
def test_late_money_fills_exactly_what_was_missing(round__):
    alone = replace(round__, recipients=(replace(round__.recipients[0], own_missing=F(0)),))
    owed = owing(settle(alone, replace(G, wait_days=0)))

    for each in alone.missing:
        lines, owed = late_money(owed, each.amount, source="payer", payer=each.share)
        assert sum(line.amount.amount for line in lines) == each.amount.amount
        assert not [line for line in lines if line.kind == "advance"]

    assert owed.is_even


KINDS = st.sampled_from([DueKind.CONTRIBUTION, DueKind.SOLIDARITY, DueKind.PENALTY])


@given(
    st.lists(
        st.tuples(st.sampled_from(CODES[:3]), st.integers(1, 5), KINDS, st.booleans()),
        unique_by=lambda each: each[:3],
    ),
    st.lists(st.integers(1, 30_000), max_size=5),
    st.booleans(),
)
def test_every_franc_of_every_payment_is_somewhere(owed, payments, chosen):
    dues = [due(share, index, kind, late=late) for share, index, kind, late in owed]
    ahead = 0
    for payment in payments:
        allocated = allocate(F(payment), dues, share="P01", chosen=chosen)
        placed = sum(each.amount.amount for each in allocated.allocations)
        assert placed + allocated.ahead.amount == payment
        dues = list(after(dues, allocated))
        ahead += allocated.ahead.amount
        assert all(0 <= each.paid.amount <= each.amount.amount for each in dues)
        late = [each for each in dues if each.late and each.kind == "contribution"]
        unpaid_late = any(each.unpaid for each in late)
        assert not (unpaid_late and allocated.ahead)

    assert sum(each.paid.amount for each in dues) + ahead == sum(payments)


HOLDERS = st.lists(st.sampled_from("abcdef"), min_size=2, max_size=24)


@given(HOLDERS, st.randoms(use_true_random=False))
def test_a_repaired_order_is_the_same_shares_and_flags_all_that_is_close(members, random):
    holders = {f"P{n:02}": member for n, member in enumerate(members, start=1)}
    order = list(holders)
    random.shuffle(order)

    mended, flagged = rotation.repaired(order, holders)

    assert sorted(mended) == sorted(order)
    assert rotation.too_close(mended, holders) == flagged
    if not rotation.too_close(order, holders):
        assert mended == tuple(order)


@settings(max_examples=150)
@given(st.data(), st.integers(2, 12))
def test_every_share_is_served_once_or_leaves_even(data, size):
    """A whole cycle with swaps, deferred turns and leavers: everybody ends even (properties 3, 6)."""
    rules = gounghin(shares=size)
    circle = turns(CODES[:size])
    paid: Counter[str] = Counter()
    received: Counter[str] = Counter()
    leavings, index = [], 0
    while circle.unserved:
        waiting = circle.unserved
        if len(waiting) > 1 and data.draw(st.booleans(), label="swap"):
            one, other = data.draw(st.permutations(waiting))[:2]
            circle = apply(circle, Exchanged(one, other))
        if len(waiting) > 2 and data.draw(st.integers(0, 4), label="leave") == 0:
            leaver = data.draw(st.sampled_from(waiting))
            account = Account(F(paid[leaver]), F(0), F(0), F(0))
            leaving = changes.withdraw(circle, leaver, account, rules)
            circle, leavings = apply(circle, leaving.event), [*leavings, leaving]
        late = set(data.draw(st.lists(st.sampled_from(circle.unserved), max_size=3), label="late"))
        index += 1
        turn = whose_turn(circle, eligible=lambda code, late=late: code not in late)
        for exchange in turn.deferred:
            circle = apply(circle, exchange)
        paid.update(dict.fromkeys(circle.order, 10_000))
        received[turn.shares[0]] += 10_000 * len(circle.order)
        circle = apply(circle, Served(index, turn.shares))
    for leaving in leavings:
        paid.update({each.share: each.amount.amount for each in leaving.catch_ups})
        received[leaving.event.share] += leaving.refund.amount

    fees = sum(leaving.exit_fee.amount for leaving in leavings)
    assert sorted([*circle.served, *circle.withdrawn]) == sorted(CODES[:size])
    assert {paid[code] - received[code] for code in circle.served} == {0}
    assert sum(paid.values()) == sum(received.values()) + fees
    assert all(a < b for a, b in pairwise(sorted(circle.served.values())))


COVERING = (
    LateStep.COVER_CAUTION,
    LateStep.COVER_RETENUE,
    LateStep.COVER_CAISSE,
    LateStep.PARTIAL,
)


def played(lates: list[dict[str, int]], caisse: int, retention: int):
    """A cycle of G in which these shares pay only a part of these rounds: book, dues, rounds."""
    rules = replace(G, late_policy=COVERING, retention_bp=retention)
    book = Book(**{f"caution__{code}": 10_000 for code in CODES}, caisse=caisse)
    dues, rounds = [], {}
    for index, late in enumerate(lates, start=1):
        recipient = CODES[index - 1]
        for code in CODES:
            if part := late.get(code, 10_000):
                book.post([Line("contribution", f"payer:{code}", f"pot:{index}", F(part), code)])
        short = {code: 10_000 - part for code, part in late.items() if part < 10_000}
        missing = [
            Missing(code, F(hole), F(book[f"caution:{code}"]), F(book[f"retenue:{code}"]))
            for code, hole in short.items()
            if code != recipient
        ]
        own = short.pop(recipient, 0)
        collected = book[f"pot:{index}"]
        result = settle(
            round_(index, collected=collected, recipient=recipient, own=own, late=missing,
                   caisse=book[CAISSE]),
            rules,
        )  # fmt: skip
        book.post(result.lines)
        rounds[index] = Settled(recipient, owing(result))
        dues += [due(code, index, paid=10_000 - hole, late=True) for code, hole in short.items()]
    return book, dues, rounds, rules


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.dictionaries(st.sampled_from(CODES), st.integers(0, 10_000), max_size=5),
        min_size=12,
        max_size=12,
    ),
    st.integers(0, 50_000),
    st.integers(0, 2_000),
    st.randoms(use_true_random=False),
)
def test_a_cycle_ends_at_zero_for_everybody_once_all_have_paid(lates, caisse, retention, random):
    book, dues, rounds, rules = played(lates, caisse, retention)
    start = book.total

    random.shuffle(dues)
    for each in dues:
        paid = receive(
            each.unpaid, [each], rules,
            share=each.share, settled=rounds, source=f"payer:{each.share}",
        )  # fmt: skip
        rounds = paid.settled
        book.post(paid.lines)
    held = [(code, F(book[f"caution:{code}"]), F(book[f"retenue:{code}"]), F(0)) for code in CODES]
    book.post(returned_at_the_end(held))

    assert book.total == start
    assert all(each.owing.is_even for each in rounds.values())
    assert {book[f"caution:{code}"] + book[f"retenue:{code}"] for code in CODES} == {0}
    assert book[CAISSE] == caisse
    # Received less paid is the guarantee that came back, and nothing else.
    assert {book[f"wallet:{code}"] + book[f"payer:{code}"] for code in CODES} == {10_000}
