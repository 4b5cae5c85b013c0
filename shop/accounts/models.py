"""Users, the codes that prove a number, and the devices they signed in on."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from shop.db import Base


class User(Base):
    """A person: buyer, seller, tontine member or staff. A guest is a user whose number is unproven."""

    __tablename__ = "user"
    __table_args__ = (
        # One proven owner per number; any guest may type it, and proves nothing by doing so.
        sa.Index(
            "uq_user_proven_phone",
            "phone",
            unique=True,
            sqlite_where=sa.text("verified_at IS NOT NULL"),
            postgresql_where=sa.text("verified_at IS NOT NULL"),
        ),
        sa.CheckConstraint("role IN ('user', 'support', 'finance', 'admin')", name="role"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    phone: Mapped[str] = mapped_column(sa.String(20), index=True)
    country: Mapped[str] = mapped_column(sa.String(2))
    name: Mapped[str] = mapped_column(sa.String(80))
    language: Mapped[str] = mapped_column(sa.String(5), default="fr")
    role: Mapped[str] = mapped_column(sa.String(10), default="user")
    pin_hash: Mapped[str | None] = mapped_column(sa.String(120))
    pin_failures: Mapped[int] = mapped_column(default=0)
    pin_locked_until: Mapped[datetime | None]
    created_at: Mapped[datetime]
    verified_at: Mapped[datetime | None]
    merged_into_id: Mapped[int | None] = mapped_column(sa.ForeignKey("user.id"))
    """The proven user who claimed this guest's orders."""


class SignInCode(Base):
    """Six digits sent to a number: single use, short life, few tries; only their hash is kept."""

    __tablename__ = "sign_in_code"

    id: Mapped[int] = mapped_column(primary_key=True)
    phone: Mapped[str] = mapped_column(sa.String(20), index=True)
    code_hash: Mapped[str] = mapped_column(sa.String(64))
    tries: Mapped[int] = mapped_column(default=0)
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    used_at: Mapped[datetime | None]


class Device(Base):
    """A signed-in browser. Deleting the row signs it out at once; a signed cookie alone could not."""

    __tablename__ = "device"

    id: Mapped[int] = mapped_column(primary_key=True)
    user_id: Mapped[int] = mapped_column(sa.ForeignKey("user.id"), index=True)
    token_hash: Mapped[str] = mapped_column(sa.String(64), unique=True)
    borrowed: Mapped[bool] = mapped_column(default=False)
    """True on somebody else's phone: a short session, nothing remembered."""
    created_at: Mapped[datetime]
    seen_at: Mapped[datetime]
    expires_at: Mapped[datetime]
