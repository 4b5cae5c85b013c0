"""A round opens: each share owes its part, and what was paid ahead pays at once (R6, R13)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

import sqlalchemy as sa

from shop import clock, references
from shop.db import session
from shop.ledger import chart
from shop.ledger import service as ledger
from shop.money import Money
from shop.tontines import book, dues, turning
from shop.tontines.cycle_models import Contribution, DueRow, Round
from shop.tontines.desk import Desk
from shop.tontines.dues import Owed
from shop.tontines.lines import Line, avance
from shop.tontines.money_in import Allocation, DueKind, apply_advances
from shop.tontines.receive import destination
from shop.tontines.states import (
    COUNTED,
    ContributionStatus,
    CycleStatus,
    DueStatus,
    RoundStatus,
    Source,
)
from shop.tontines.turning import Holding, Order


def open_round(desk: Desk, round_: Round) -> None:
    """Write what each share owes for this round, and let advances pay it."""
    order = turning.read(desk)
    rows = [
        _due(round_, holding, kind, amount)
        for kind, amount in _parts(desk, round_)
        for holding in order.held.values()
        if kind is not DueKind.CONTRIBUTION or _pays(desk, round_, order, holding.code)
    ]
    if rows:
        session.execute(sa.insert(DueRow), rows)
    round_.status = RoundStatus.OPEN
    if desk.cycle.status == CycleStatus.LOCKED:
        desk.cycle.status = CycleStatus.RUNNING
    session.flush()
    book.write(desk.tontine.id, "round_opened", None, round=round_.index, due_at=round_.due_at)
    apply_advances_to(desk, round_, "open", order)


def _parts(desk: Desk, round_: Round) -> list[tuple[DueKind, int]]:
    rules = desk.rules
    parts = [
        (DueKind.CONTRIBUTION, rules.contribution.amount),
        (DueKind.SOLIDARITY, rules.relief.amount),
    ]
    if round_.index == 1:
        guarantee = rules.contribution * rules.guarantee_contributions
        parts.append((DueKind.GUARANTEE, guarantee.amount))
    return [(kind, amount) for kind, amount in parts if amount]


def _pays(desk: Desk, round_: Round, order: Order, code: str) -> bool:
    """Say whether a share pays into this pot: after withdrawals a last round serves nobody (R5)."""
    served_now = _recipients_to_be(desk, round_, order)
    return bool(served_now) and (desk.rules.recipient_pays or code not in served_now)


def _recipients_to_be(desk: Desk, round_: Round, order: Order) -> tuple[str, ...]:
    """The shares this round is to serve, once the rounds before it have served theirs."""
    before = session.scalar(
        sa.select(sa.func.count(Round.id)).where(
            Round.cycle_id == desk.cycle.id,
            Round.index < round_.index,
            Round.status.not_in(COUNTED),
        )
    )
    k = desk.rules.recipients_per_round
    start = int(before or 0) * k
    return order.turns.unserved[start : start + k]


def _due(round_: Round, holding: Holding, kind: DueKind, amount: int) -> dict[str, object]:
    return {
        "round_id": round_.id, "share_id": holding.id, "kind": kind, "number": 0,
        "amount": amount, "due_at": round_.due_at, "status": DueStatus.OPEN,
    }  # fmt: skip


def apply_advances_to(desk: Desk, round_: Round, why: str, order: Order | None = None) -> None:
    """Let what shares hold ahead pay this round: one contribution per share, one entry for all.

    Once per `why`: as the round opens, and again when a discount came to the shares meanwhile.
    """
    order = order or turning.read(desk)
    accounts = {
        code: chart.advance(each.id, desk.tontine.currency) for code, each in order.held.items()
    }
    held = ledger.holdings(accounts.values())
    ahead = {code: held[account.code] for code, account in accounts.items() if held[account.code]}
    if not ahead:
        return
    owed = dues.owed(desk, DueRow.round_id == round_.id)
    by_due = {id(each.due): each for each in owed}
    used, _left = apply_advances(ahead, [each.due for each in owed])
    lines = [
        Line(kind, avance(each.due.share), target, each.amount, each.due.share)
        for each in used
        for kind, target in [destination(each.due, desk.rules)]
    ]
    desk.places().post("advance", f"advance:{round_.id}:{why}", lines)
    pay_dues(desk, order, Source.ADVANCE, [(by_due[id(each.due)], each) for each in used])


def pay_dues(
    desk: Desk, order: Order, source: Source, paid: Sequence[tuple[Owed, Allocation]]
) -> None:
    """Write contributions that came from within the circle, one per share, and their allocations."""
    per_share: dict[str, list[tuple[Owed, Money]]] = defaultdict(list)
    for each, part in paid:
        per_share[each.due.share].append((each, part.amount))
    now = clock.now()
    rows = {
        code: _contribution(desk, order.held[code], source, sum(m.amount for _o, m in parts), now)
        for code, parts in per_share.items()
    }
    session.add_all(rows.values())
    session.flush()
    dues.allocate_all(
        [(rows[code].id, each, money) for code, parts in per_share.items() for each, money in parts]
    )


def _contribution(
    desk: Desk, holding: Holding, source: Source, amount: int, now: object
) -> Contribution:
    return Contribution(
        reference=references.new(),
        form_key=f"{source}:{references.new()}:{references.new()}",
        cycle_id=desk.cycle.id,
        member_id=holding.member_id,
        user_id=holding.user_id,
        share_id=holding.id,
        source=source,
        currency=desk.tontine.currency,
        amount=amount,
        status=ContributionStatus.RECEIVED,
        started_at=now,
        received_at=now,
    )
