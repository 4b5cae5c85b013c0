"""The books' tables. Their rules are triggers too (migration 0004): raw SQL cannot break them."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from shop.db import Base
from shop.ledger.chart import GUARDED


class LedgerAccount(Base):
    """A place in the books. Guarded kinds keep a balance that the database moves and bounds."""

    __tablename__ = "ledger_account"
    __table_args__ = (
        sa.CheckConstraint("balance >= 0", name="balance_not_negative"),
        sa.CheckConstraint(
            f"(kind IN ({', '.join(sorted(repr(str(k)) for k in GUARDED))})) = (balance IS NOT NULL)",
            name="guarded_kinds_keep_a_balance",
        ),
        sa.CheckConstraint("code = kind || ':' || owner || ':' || currency", name="code"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    code: Mapped[str] = mapped_column(sa.String(80), unique=True)
    kind: Mapped[str] = mapped_column(sa.String(12), index=True)
    owner: Mapped[str] = mapped_column(sa.String(60))
    currency: Mapped[str] = mapped_column(sa.String(3))
    balance: Mapped[int | None]
    """Credits less debits, of guarded kinds only; NULL means: snapshot and sum since (D3)."""
    last_transfer_id: Mapped[int | None]
    """The transfer that last moved the balance; the trigger refuses a balance without one."""


class Transfer(Base):
    """One append-only row: a positive amount from the debit account to the credit account."""

    __tablename__ = "transfer"
    __table_args__ = (
        sa.CheckConstraint("amount > 0", name="amount_positive"),
        # Seals look upwards from zero: a row below it would never be sealed.
        sa.CheckConstraint("id > 0", name="id_positive"),
        sa.CheckConstraint("debit_id <> credit_id", name="two_accounts"),
        sa.Index("ix_transfer_debit_id_id", "debit_id", "id"),
        sa.Index("ix_transfer_credit_id_id", "credit_id", "id"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(sa.String(80), unique=True)
    """The business event that posted it: an event posts at most once (L7)."""
    event: Mapped[str] = mapped_column(sa.String(30))
    debit_id: Mapped[int] = mapped_column(sa.ForeignKey("ledger_account.id"))
    credit_id: Mapped[int] = mapped_column(sa.ForeignKey("ledger_account.id"))
    amount: Mapped[int]
    currency: Mapped[str] = mapped_column(sa.String(3))
    created_at: Mapped[datetime]


class Block(Base):
    """A seal over a run of transfers: their Merkle root chained to the block before."""

    __tablename__ = "ledger_block"

    height: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    first_id: Mapped[int]
    last_id: Mapped[int] = mapped_column(unique=True)
    count: Mapped[int]
    root: Mapped[str] = mapped_column(sa.String(64))
    hash: Mapped[str] = mapped_column(sa.String(64), unique=True)
    sealed_at: Mapped[datetime]


class Leaf(Base):
    """The hash of one sealed transfer: it names the row that was altered, and proves one without the rest."""

    __tablename__ = "ledger_leaf"

    transfer_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    hash: Mapped[str] = mapped_column(sa.String(64))


class Snapshot(Base):
    """A system account's balance up to a transfer; the present balance is this and the sum since."""

    __tablename__ = "ledger_snapshot"

    account_id: Mapped[int] = mapped_column(sa.ForeignKey("ledger_account.id"), primary_key=True)
    last_id: Mapped[int]
    balance: Mapped[int]
    """Credits less debits, of either sign."""
