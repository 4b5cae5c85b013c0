"""How turns are given: the draw, the auction, the swap, the vote (R14, R15, R18, R19)."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from shop.db import Base
from shop.tontines.models import among
from shop.tontines.states import AuctionStatus, DrawStatus, SwapStatus, VoteStatus


class Draw(Base):
    """One draw as it is published: commitment first, seed last (TONTINE §6.1)."""

    __tablename__ = "tontine_draw"
    __table_args__ = (
        sa.CheckConstraint(among("status", DrawStatus), name="status"),
        sa.CheckConstraint(
            "(status = 'revealed') = (seed IS NOT NULL AND order_text IS NOT NULL)", name="shown"
        ),
        *(
            sa.Index(
                f"uq_tontine_draw_{name}",
                column,
                unique=True,
                sqlite_where=sa.text(where),
                postgresql_where=sa.text(where),
            )
            for name, column, where in (
                ("of_cycle", "cycle_id", "status <> 'void' AND round_id IS NULL"),
                ("of_round", "round_id", "status <> 'void'"),
            )
        ),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    cycle_id: Mapped[int] = mapped_column(sa.ForeignKey("tontine_cycle.id"), index=True)
    round_id: Mapped[int | None] = mapped_column(sa.ForeignKey("tontine_round.id"))
    """NULL: the order of the cycle; otherwise the tie of a round's auction."""
    codes: Mapped[str] = mapped_column(sa.Text)
    """The frozen share list, one code per line."""
    share_list_hash: Mapped[str] = mapped_column(sa.String(64))
    commitment: Mapped[str] = mapped_column(sa.String(64))
    sealed_seed: Mapped[str] = mapped_column(sa.String(128))
    """The seed, masked with the site's key: a stolen copy of the database does not show it."""
    beacon_kind: Mapped[str | None] = mapped_column(sa.String(60))
    """The public number that closes the draw, named beforehand; NULL: none, as the page says."""
    beacon: Mapped[str | None] = mapped_column(sa.String(100))
    words_close_at: Mapped[datetime]
    seed: Mapped[str | None] = mapped_column(sa.String(64))
    order_text: Mapped[str | None] = mapped_column(sa.Text)
    """The drawn order as the tickets give it, one code per line."""
    status: Mapped[str] = mapped_column(sa.String(10), default=DrawStatus.COMMITTED)
    created_at: Mapped[datetime]
    revealed_at: Mapped[datetime | None]


class DrawWord(Base):
    """A share's word; a later one is a row of its own, and the last before the close counts."""

    __tablename__ = "tontine_draw_word"
    __table_args__ = (sa.Index("ix_tontine_draw_word_draw_id", "draw_id", "share_id", "id"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    draw_id: Mapped[int] = mapped_column(sa.ForeignKey("tontine_draw.id"))
    share_id: Mapped[int] = mapped_column(sa.ForeignKey("tontine_share.id"))
    word: Mapped[str] = mapped_column(sa.String(20))
    at: Mapped[datetime]


class AuctionRow(Base):
    """The sale of one round's turn."""

    __tablename__ = "tontine_auction"
    __table_args__ = (
        sa.UniqueConstraint("round_id"),
        sa.CheckConstraint(among("status", AuctionStatus), name="status"),
        sa.CheckConstraint("opens_at < closes_at", name="dates"),
        sa.CheckConstraint(
            "(status = 'closed') = (winner_id IS NOT NULL AND discount IS NOT NULL)", name="won"
        ),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    round_id: Mapped[int] = mapped_column(sa.ForeignKey("tontine_round.id"))
    sealed: Mapped[bool]
    opens_at: Mapped[datetime]
    closes_at: Mapped[datetime]
    """For a sealed sale, bids left sealed are shown from here until `shown_by`."""
    shown_by: Mapped[datetime]
    status: Mapped[str] = mapped_column(sa.String(10), default=AuctionStatus.OPEN)
    winner_id: Mapped[int | None] = mapped_column(sa.ForeignKey("tontine_share.id"))
    discount: Mapped[int | None]
    drawn: Mapped[bool] = mapped_column(default=False)


class BidRow(Base):
    """One bid; a share's latest replaces its earlier ones, which stay to be read."""

    __tablename__ = "tontine_bid"
    __table_args__ = (
        sa.CheckConstraint("discount > 0", name="discount"),
        sa.CheckConstraint("sealed_hash IS NOT NULL OR discount IS NOT NULL", name="says"),
        sa.Index("ix_tontine_bid_auction_id", "auction_id", "share_id", "id"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    auction_id: Mapped[int] = mapped_column(sa.ForeignKey("tontine_auction.id"))
    share_id: Mapped[int] = mapped_column(sa.ForeignKey("tontine_share.id"))
    discount: Mapped[int | None]
    """NULL while it is sealed and not yet shown."""
    sealed_hash: Mapped[str | None] = mapped_column(sa.String(64))
    at: Mapped[datetime]


class Swap(Base):
    """Two members exchange the turns of two shares; no money moves (R15)."""

    __tablename__ = "tontine_swap"
    __table_args__ = (
        sa.CheckConstraint(among("status", SwapStatus), name="status"),
        sa.CheckConstraint("share_id <> other_id", name="two"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    cycle_id: Mapped[int] = mapped_column(sa.ForeignKey("tontine_cycle.id"), index=True)
    share_id: Mapped[int] = mapped_column(sa.ForeignKey("tontine_share.id"))
    other_id: Mapped[int] = mapped_column(sa.ForeignKey("tontine_share.id"))
    asked_by: Mapped[int] = mapped_column(sa.ForeignKey("tontine_member.id"))
    status: Mapped[str] = mapped_column(sa.String(10), default=SwapStatus.ASKED)
    asked_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    reason: Mapped[str] = mapped_column(sa.String(200), default="")
    """Why the bureau said no."""


class Vote(Base):
    """A question to all members; `payload` is what is done when they say yes."""

    __tablename__ = "tontine_vote"
    __table_args__ = (
        sa.CheckConstraint(among("status", VoteStatus), name="status"),
        sa.CheckConstraint("needed > 0", name="needed"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    tontine_id: Mapped[int] = mapped_column(sa.ForeignKey("tontine.id"), index=True)
    subject: Mapped[str] = mapped_column(sa.String(20))
    """`share_loss`, `move_date`, `third_signer`, `two_pots`, `need`, `exclude`."""
    payload: Mapped[str] = mapped_column(sa.Text)
    needed: Mapped[int]
    """How many must say yes."""
    status: Mapped[str] = mapped_column(sa.String(10), default=VoteStatus.OPEN)
    asked_by: Mapped[int] = mapped_column(sa.ForeignKey("tontine_member.id"))
    asked_at: Mapped[datetime]
    closes_at: Mapped[datetime]


class Ballot(Base):
    """One member's word in a vote, once."""

    __tablename__ = "tontine_ballot"
    __table_args__ = (sa.UniqueConstraint("vote_id", "member_id"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    vote_id: Mapped[int] = mapped_column(sa.ForeignKey("tontine_vote.id"))
    member_id: Mapped[int] = mapped_column(sa.ForeignKey("tontine_member.id"))
    yes: Mapped[bool]
    at: Mapped[datetime]
