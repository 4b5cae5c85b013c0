"""Users, the codes that prove a number, and the devices they signed in on."""

from __future__ import annotations

from datetime import datetime
from typing import cast

import sqlalchemy as sa
from flask_login import UserMixin
from sqlalchemy.orm import Mapped, mapped_column

from shop.db import Base


class User(UserMixin, Base):  # type: ignore[misc]  # flask-login has no types
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

    #: The secret of the device they are signed in on, during a request; never stored here.
    device_token = cast("str | None", None)

    def get_id(self) -> str:
        """Name the device, not the user: a session then ends with its row, wherever it was ended."""
        assert self.device_token is not None, "signed in on no device"
        return self.device_token


class SignInCode(Base):
    """Six digits sent to a number: single use, short life, few tries; only their hash is kept."""

    __tablename__ = "sign_in_code"
    __table_args__ = (
        sa.Index("ix_sign_in_code_phone", "phone", "created_at"),
        sa.Index("ix_sign_in_code_asker", "asker_hash", "created_at"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    phone: Mapped[str] = mapped_column(sa.String(20))
    code_hash: Mapped[str] = mapped_column(sa.String(64))
    asker_hash: Mapped[str] = mapped_column(sa.String(64))
    """Who asked, as a keyed hash of the network address: enough to count, useless to track."""
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
    """A code is needed again after this, whatever happened meanwhile."""
    signed_out_at: Mapped[datetime | None]
    """Set after signing out here: the browser is still known, and the PIN is enough to come back."""
