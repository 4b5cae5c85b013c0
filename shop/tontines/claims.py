"""What counted rounds still owe, kept in rows: read as the rules need it, filled as they say (R9)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import sqlalchemy as sa

from shop.db import session
from shop.tontines.cycle_models import Claim, Round, Share, TurnRow
from shop.tontines.desk import Desk
from shop.tontines.late_money import Owing, owing
from shop.tontines.lines import Kind
from shop.tontines.receive import Settled
from shop.tontines.states import COUNTED
from shop.tontines.waterfall import Cover, Settlement


@dataclass(frozen=True, slots=True)
class Waiting:
    """Counted rounds with what they still owe, as rows and as the rules see them."""

    settled: Mapping[int, Settled]
    rows: Mapping[int, list[Claim]]


def waiting(desk: Desk, indexes: Iterable[int]) -> Waiting:
    """Read what these rounds owe; a round that was not counted yet is left out."""
    wanted = sorted(set(indexes))
    counted: dict[int, int] = {}
    query = sa.select(Round.index, Round.id).where(
        Round.cycle_id == desk.cycle.id, Round.index.in_(wanted), Round.status.in_(COUNTED)
    )
    counted.update((index, round_id) for index, round_id in session.execute(query))
    rows = _open(counted.values())
    served = _served(counted.values())
    return Waiting(
        {
            index: Settled(served.get(id_, ""), _owing(desk, rows.get(id_, [])))
            for index, id_ in counted.items()
        },
        {index: rows.get(id_, []) for index, id_ in counted.items()},
    )


def _open(round_ids: Iterable[int]) -> dict[int, list[Claim]]:
    found: dict[int, list[Claim]] = {}
    query = (
        sa.select(Claim)
        .where(Claim.round_id.in_(list(round_ids)), Claim.filled < Claim.amount)
        .order_by(Claim.round_id, Claim.seq)
        .execution_options(populate_existing=True)
    )
    for row in session.scalars(query):
        found.setdefault(row.round_id, []).append(row)
    return found


def _served(round_ids: Iterable[int]) -> dict[int, str]:
    query = (
        sa.select(TurnRow.round_id, sa.func.min(Share.code).label("code"))
        .join(Share, Share.id == TurnRow.share_id)
        .where(TurnRow.round_id.in_(list(round_ids)))
        .group_by(TurnRow.round_id)
    )
    return {row.round_id: row.code for row in session.execute(query)}


def _owing(desk: Desk, rows: Iterable[Claim]) -> Owing:
    return Owing(
        tuple((Kind(row.kind), row.place, desk.money(row.amount - row.filled)) for row in rows)
    )


def fill(before: Waiting, after: Mapping[int, Settled]) -> None:
    """Write down how far late money filled what was open.

    Money fills claims from the first on, so what is left is the end of the list, its first one
    perhaps in part.
    """
    for index, rows in before.rows.items():
        left = list(after[index].owing.claims)
        done = len(rows) - len(left)
        for row in rows[:done]:
            row.filled = row.amount
        for row, (_kind, place, amount) in zip(rows[done:], left, strict=True):
            assert row.place == place, "claims are filled in order"
            row.filled = row.amount - amount.amount
    session.flush()


def write(round_id: int, settlement: Settlement, share_ids: Mapping[str, int]) -> None:
    """Keep what a round owes now that it was counted: reliquats first, then covers."""
    covers = list(settlement.covers)
    rows = []
    for seq, (kind, place, amount) in enumerate(owing(settlement).claims, start=1):
        whose = None if kind is Kind.RELIQUAT else share_ids[_taken(covers, place, amount.amount)]
        rows.append(
            {
                "round_id": round_id, "seq": seq, "kind": kind, "place": place,
                "share_id": whose, "amount": amount.amount, "filled": 0,
            }
        )  # fmt: skip
    if rows:
        session.execute(sa.insert(Claim), rows)


def _taken(covers: list[Cover], place: str, amount: int) -> str:
    """Name whose hole the next cover from this place filled."""
    found = next(c for c in covers if (c.place, c.amount.amount) == (place, amount))
    covers.remove(found)
    return found.share


def open_amount(cycle_id: int) -> int:
    """What all rounds of a cycle still owe, in minor units."""
    query = (
        sa.select(sa.func.coalesce(sa.func.sum(Claim.amount - Claim.filled), 0))
        .join(Round, Round.id == Claim.round_id)
        .where(Round.cycle_id == cycle_id)
    )
    return int(session.scalar(query) or 0)
