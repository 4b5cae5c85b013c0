"""Turns for sale: a round's auction opens with it, closes by the clock, names who is served (R18)."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

import sqlalchemy as sa

from shop import clock
from shop.db import in_transaction, retrying, session, transaction
from shop.errors import NotFound
from shop.money import Money
from shop.tontines import auction, book, desk, drawing, dues, turning
from shop.tontines.auction import Bid, Sale
from shop.tontines.choice_models import AuctionRow, BidRow, Draw
from shop.tontines.cycle_models import Round, Share
from shop.tontines.desk import Desk
from shop.tontines.refusals import TontineRefused, Why
from shop.tontines.rules import Circle
from shop.tontines.states import AuctionStatus

#: How long sealed bids may be shown after the sale closed.
SHOW_WITHIN: Final = timedelta(hours=2)


def open_with(at: Desk, round_: Round) -> None:
    """Open the sale of a round's turn as the round opens; the last share is never sold."""
    assert in_transaction(), "a sale opens with its round"
    if at.rules.kind is not Circle.AUCTION:
        return
    unserved = turning.read(at).turns.unserved
    if len(unserved) < 2:
        return
    sealed = at.rules.auction.sealed
    row = AuctionRow(
        round_id=round_.id,
        sealed=sealed,
        opens_at=round_.opens_at,
        closes_at=round_.due_at,
        shown_by=round_.due_at + (SHOW_WITHIN if sealed else timedelta(0)),
        status=AuctionStatus.OPEN,
    )
    session.add(row)
    session.flush()
    # Ties, and a round nobody bid for, are drawn from a seed committed before the first bid.
    tie = drawing.make(at, unserved, round_.due_at, round_=round_)
    book.write(
        at.tontine.id, "auction_opened", None, round=round_.index, tie_commitment=tie.commitment
    )


def of_round(round_id: int) -> AuctionRow | None:
    """The sale of a round's turn."""
    return session.scalar(sa.select(AuctionRow).where(AuctionRow.round_id == round_id))


@retrying
def bid(
    auction_id: int,
    user_id: int,
    code: str,
    *,
    discount: Money | None = None,
    sealed_hash: str | None = None,
) -> BidRow:
    """Bid for a turn: a discount in an open sale, its seal in a sealed one (T21, T24)."""
    with transaction():
        at, row, round_ = _locked(auction_id)
        share = _own_share(at, user_id, code)
        order = turning.read(at)
        now = clock.now()
        # Of rounds up to this one, and not of this one: its own contribution may still be open.
        late = dues.owed(at, Share.member_id == share.member_id, Round.index < round_.index)
        auction.check_bidder(order.turns, code, up_to_date=not late and not _partly_paid(at, share))
        if row.sealed:
            if sealed_hash is None or len(sealed_hash) != 64:
                raise TontineRefused(Why.BAD_SEED)
            if not row.opens_at <= now < row.closes_at:
                raise TontineRefused(Why.BIDS_CLOSED)
        else:
            assert discount is not None, "an open bid says its discount"
            auction.place(
                _sale(at, row, round_), Bid(code, discount, now), order.turns, at.rules,
                up_to_date=True,
            )  # fmt: skip
        placed = BidRow(
            auction_id=row.id,
            share_id=share.id,
            discount=None if row.sealed or discount is None else discount.amount,
            sealed_hash=sealed_hash if row.sealed else None,
            at=now,
        )
        session.add(placed)
        session.flush()
        book.write(
            at.tontine.id, "bid", user_id,
            round=round_.index, share=code, sealed=placed.sealed_hash, discount=placed.discount,
        )  # fmt: skip
        return placed


def _partly_paid(at: Desk, share: Share) -> bool:
    """R12: a partially paid due is not paid, and its share does not bid."""
    return any(each.due.paid for each in dues.of_member(at, share.member_id))


def _locked(auction_id: int) -> tuple[Desk, AuctionRow, Round]:
    from shop.tontines.settling import locked

    row = session.get(AuctionRow, auction_id)
    if row is None:
        raise NotFound("auction")
    at, round_ = locked(row.round_id)
    session.refresh(row)
    if row.status != AuctionStatus.OPEN:
        raise TontineRefused(Why.BIDS_CLOSED)
    return at, row, round_


def _own_share(at: Desk, user_id: int, code: str) -> Share:
    share = desk.share(at.cycle.id, code)
    if share.member_id != desk.member(at.tontine.id, user_id).id:
        raise NotFound("share")
    return share


@retrying
def show(auction_id: int, user_id: int, code: str, discount: Money, nonce: str) -> None:
    """Show one's sealed bid between the close and `shown_by`; what does not match is refused."""
    with transaction():
        at, row, round_ = _locked(auction_id)
        share = _own_share(at, user_id, code)
        if not row.closes_at <= clock.now() <= row.shown_by:
            raise TontineRefused(Why.BIDS_CLOSED)
        last = session.scalar(
            sa.select(BidRow)
            .where(BidRow.auction_id == row.id, BidRow.share_id == share.id)
            .order_by(BidRow.id.desc())
            .limit(1)
        )
        if last is None or last.sealed_hash is None:
            raise NotFound("bid")
        auction.open_seal(
            last.sealed_hash, at.tontine.public_ref, round_.index, code, discount, nonce
        )
        auction.check_discount(discount, at.rules)
        if last.discount is None:
            last.discount = discount.amount
            session.flush()
            book.write(
                at.tontine.id, "bid_shown", user_id,
                round=round_.index, share=code, discount=discount, nonce=nonce,
            )  # fmt: skip


def _sale(at: Desk, row: AuctionRow, round_: Round) -> Sale:
    """The sale with each share's latest bid, those still sealed left out."""
    latest: dict[str, Bid] = {}
    query = (
        sa.select(Share.code, BidRow.discount, BidRow.at)
        .join(BidRow, BidRow.share_id == Share.id)
        .where(BidRow.auction_id == row.id)
        .order_by(BidRow.id)
    )
    for code, discount, placed in session.execute(query):
        latest.pop(code, None)
        if discount is not None:
            latest[code] = Bid(code, at.money(discount), placed)
    return Sale(round_.index, row.opens_at, row.closes_at, tuple(latest.values()))


def close_if_over(at: Desk, round_: Round) -> bool:
    """Close a sale whose time is over and name its winner; say whether the round may go on."""
    row = of_round(round_.id)
    if row is None or row.status == AuctionStatus.CLOSED:
        return True
    if clock.now() < row.shown_by:
        return False
    order = turning.read(at)
    waiting = set(order.turns.unserved)
    tie = session.scalars(sa.select(Draw).where(Draw.round_id == round_.id)).one()
    drawn = [code for code in drawing.show(at, tie) if code in waiting]
    sale = _sale(at, row, round_)
    there = Sale(
        sale.index, sale.opens_at, sale.closes_at,
        tuple(each for each in sale.bids if each.share in waiting),
    )  # fmt: skip
    won = auction.award(there, at.rules, drawn=drawn)
    row.winner_id, row.discount, row.drawn = (
        order.held[won.share].id,
        won.discount.amount,
        won.drawn,
    )
    row.status = AuctionStatus.CLOSED
    session.flush()
    book.write(
        at.tontine.id, "auction_won", None,
        round=round_.index, share=won.share, discount=won.discount, drawn=won.drawn,
        tie_seed=tie.seed,
    )  # fmt: skip
    return True
