"""Turns as pages read them: who may exchange with whom, words given, offers made."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import sqlalchemy as sa
from sqlalchemy.orm import aliased

from shop.accounts.models import User
from shop.db import session
from shop.errors import NotFound
from shop.tontines.choice_models import AuctionRow, BidRow, Draw, DrawWord, Swap
from shop.tontines.cycle_models import Share
from shop.tontines.models import Member

#: Names a page offers at once; in a bigger circle one finds the share by its code.
MOST: Final = 60


def codes(cycle_id: int) -> Sequence[str]:
    """The codes of all shares: for who types an order."""
    query = sa.select(Share.code).where(Share.cycle_id == cycle_id, Share.status == "active")
    return session.scalars(query.order_by(Share.code)).all()


@dataclass(frozen=True, slots=True)
class Turn:
    """A share whose turn is to come."""

    code: str
    rank: int | None
    name: str


def unserved(
    cycle_id: int, *, member_id: int | None = None, besides: int | None = None
) -> list[Turn]:
    """List the turns to come by rank: of one member, or of all others."""
    query = (
        sa.select(Share.code, Share.position, User.name)
        .join(Member, Member.id == Share.member_id)
        .join(User, User.id == Member.user_id)
        .where(
            Share.cycle_id == cycle_id, Share.status == "active", Share.served_round_id.is_(None)
        )
        .order_by(Share.position, Share.code)
        .limit(MOST)
    )
    if member_id is not None:
        query = query.where(Share.member_id == member_id)
    if besides is not None:
        query = query.where(Share.member_id != besides)
    return [Turn(code, rank, name) for code, rank, name in session.execute(query)]


@dataclass(frozen=True, slots=True)
class Wish:
    """An exchange that was asked, with the names of both."""

    row: Swap
    own: str
    own_name: str
    own_member: int
    other: str
    other_name: str
    other_member: int


def swaps(cycle_id: int) -> list[Wish]:
    """List the latest exchanges of a cycle."""
    one, two = aliased(Share), aliased(Share)
    asker, asked = aliased(Member), aliased(Member)
    mine, theirs = aliased(User), aliased(User)
    query = (
        sa.select(Swap, one.code, mine.name, asker.id, two.code, theirs.name, asked.id)
        .join(one, one.id == Swap.share_id)
        .join(two, two.id == Swap.other_id)
        .join(asker, asker.id == one.member_id)
        .join(asked, asked.id == two.member_id)
        .join(mine, mine.id == asker.user_id)
        .join(theirs, theirs.id == asked.user_id)
        .where(Swap.cycle_id == cycle_id)
        .order_by(Swap.id.desc())
        .limit(10)
    )
    return [
        Wish(row, own, own_name, own_id, other, other_name, other_id)
        for row, own, own_name, own_id, other, other_name, other_id in session.execute(query)
    ]


def swap_here(cycle_id: int, swap_id: int) -> Swap:
    """Give an exchange of this cycle. Raises `NotFound` for another circle's."""
    row = session.get(Swap, swap_id)
    if row is None or row.cycle_id != cycle_id:
        raise NotFound("swap")
    return row


def my_words(draw: Draw, held: Sequence[str]) -> dict[str, str]:
    """The last word of each of my shares; others' are read after the close."""
    query = (
        sa.select(Share.code, DrawWord.word)
        .join(Share, Share.id == DrawWord.share_id)
        .where(DrawWord.draw_id == draw.id, Share.code.in_(held))
        .order_by(DrawWord.id)
    )
    words = dict.fromkeys(held, "")
    words.update((code, word) for code, word in session.execute(query))
    return words


def bids(auction_id: int) -> list[tuple[str, str, BidRow]]:
    """The latest offer of each share, highest first; a sealed one shows its seal only."""
    query = (
        sa.select(Share.code, User.name, BidRow)
        .join(Share, Share.id == BidRow.share_id)
        .join(Member, Member.id == Share.member_id)
        .join(User, User.id == Member.user_id)
        .where(BidRow.auction_id == auction_id)
        .order_by(BidRow.id)
    )
    latest = {code: (code, name, row) for code, name, row in session.execute(query)}
    return sorted(latest.values(), key=lambda each: (-(each[2].discount or 0), each[2].id))


def winner(auction: AuctionRow) -> tuple[str, str] | None:
    """Who won a sale: code and name; None while it is open."""
    if auction.winner_id is None:
        return None
    row = session.execute(
        sa.select(Share.code, User.name)
        .join(Member, Member.id == Share.member_id)
        .join(User, User.id == Member.user_id)
        .where(Share.id == auction.winner_id)
    ).one()
    return row.code, row.name
