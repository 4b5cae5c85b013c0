"""Turns as rows: read for the rules, exchanged, hashed again whenever the order changes (R14-R16)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import sqlalchemy as sa

from shop.db import session
from shop.tontines import book
from shop.tontines.cycle_models import Round, Share
from shop.tontines.desk import Desk
from shop.tontines.models import Member
from shop.tontines.rotation import Exchanged, Turns


@dataclass(frozen=True, slots=True)
class Holding:
    """A share, who holds it, and its place."""

    id: int
    code: str
    member_id: int
    user_id: int


@dataclass(frozen=True, slots=True)
class Order:
    """A cycle's turns, and the rows behind the codes."""

    turns: Turns
    held: dict[str, Holding]

    def of_member(self, code: str) -> set[str]:
        """The codes of everything the holder of this share holds."""
        member_id = self.held[code].member_id
        return {each.code for each in self.held.values() if each.member_id == member_id}


def read(desk: Desk) -> Order:
    """Read the order of a locked cycle, narrow rows only: a circle may have hundreds of shares."""
    query = (
        sa.select(
            Share.id, Share.code, Share.member_id, Member.user_id, Share.status,
            Round.index.label("served"),
        )
        .join(Member, Member.id == Share.member_id)
        .outerjoin(Round, Round.id == Share.served_round_id)
        .where(Share.cycle_id == desk.cycle.id)
        .order_by(Share.position, Share.code)
    )  # fmt: skip
    rows = session.execute(query).all()
    there = [row for row in rows if row.status == "active"]
    turns = Turns(
        order=tuple(row.code for row in there),
        holders={row.code: str(row.member_id) for row in rows},
        served={row.code: row.served for row in there if row.served is not None},
        withdrawn=frozenset(row.code for row in rows if row.status != "active"),
    )
    held = {row.code: Holding(row.id, row.code, row.member_id, row.user_id) for row in there}
    return Order(turns, held)


def place(desk: Desk, codes: Sequence[str]) -> None:
    """Give each share its rank from this order, with one statement, and keep the order's hash."""
    ranks = {code: rank for rank, code in enumerate(codes, start=1)}
    mine = Share.cycle_id == desk.cycle.id
    # Through nothing, so that no two shares hold one rank on the way.
    session.execute(
        sa.update(Share).where(mine, Share.code.in_(ranks)).values(position=None),
        execution_options={"synchronize_session": False},
    )
    session.execute(
        sa.update(Share)
        .where(mine, Share.code.in_(ranks))
        .values(position=sa.case(ranks, value=Share.code)),
        execution_options={"synchronize_session": False},
    )


def exchange(desk: Desk, exchanges: Iterable[Exchanged], why: str) -> None:
    """Exchange ranks, each with its line in the book, and hash the order again."""
    for each in exchanges:
        order = read(desk).turns
        rank, other = order.rank(each.one), order.rank(each.other)
        rows = {
            row.code: row.position
            for row in session.execute(
                sa.select(Share.code, Share.position).where(
                    Share.cycle_id == desk.cycle.id, Share.code.in_([each.one, each.other])
                )
            )
        }
        _swap_positions(desk, {each.one: rows[each.other], each.other: rows[each.one]})
        after = read(desk).turns
        desk.cycle.order_hash = after.order_hash
        book.write(
            desk.tontine.id, "turns_exchanged", None,
            why=why, one=[each.one, rank, other], other=[each.other, other, rank],
            order_hash=after.order_hash,
        )  # fmt: skip


def _swap_positions(desk: Desk, places: dict[str, int | None]) -> None:
    mine = Share.cycle_id == desk.cycle.id
    for position in (None, True):
        for code, new in places.items():
            session.execute(
                sa.update(Share)
                .where(mine, Share.code == code)
                .values(position=new if position else None),
                execution_options={"synchronize_session": False},
            )
