"""Shops, what they sell, where they deliver and where one fetches."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column, relationship

from shop.db import Base
from shop.money import Money


class Category(Base):
    """A shelf of the catalogue."""

    __tablename__ = "category"

    id: Mapped[int] = mapped_column(primary_key=True)
    slug: Mapped[str] = mapped_column(sa.String(40), unique=True)
    name_fr: Mapped[str] = mapped_column(sa.String(60))
    name_en: Mapped[str] = mapped_column(sa.String(60))
    position: Mapped[int] = mapped_column(default=0)


class Store(Base):
    """A seller's shop."""

    __tablename__ = "store"
    __table_args__ = (
        sa.CheckConstraint("status IN ('open', 'suspended')", name="status"),
        sa.CheckConstraint("commission_bp BETWEEN 0 AND 5000", name="commission_bp"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    owner_id: Mapped[int] = mapped_column(sa.ForeignKey("user.id"), index=True)
    name: Mapped[str] = mapped_column(sa.String(60))
    slug: Mapped[str] = mapped_column(sa.String(60), unique=True)
    about: Mapped[str] = mapped_column(sa.String(500), default="")
    country: Mapped[str] = mapped_column(sa.String(2))
    currency: Mapped[str] = mapped_column(sa.String(3))
    town: Mapped[str] = mapped_column(sa.String(60))
    quarter: Mapped[str] = mapped_column(sa.String(60))
    commission_bp: Mapped[int]
    """Our part of each sale, in basis points; copied onto seller orders, so a change is for later ones."""
    status: Mapped[str] = mapped_column(sa.String(10), default="open")
    created_at: Mapped[datetime]

    zones: Mapped[list[DeliveryZone]] = relationship(
        order_by="DeliveryZone.price_amount", cascade="all, delete-orphan"
    )
    points: Mapped[list[PickupPoint]] = relationship(
        order_by="PickupPoint.id", cascade="all, delete-orphan"
    )


class DeliveryZone(Base):
    """Where a shop delivers, and for how much. A zone without a quarter is the whole town."""

    __tablename__ = "delivery_zone"
    __table_args__ = (sa.CheckConstraint("price_amount >= 0", name="price"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    store_id: Mapped[int] = mapped_column(sa.ForeignKey("store.id"), index=True)
    town: Mapped[str] = mapped_column(sa.String(60))
    quarter: Mapped[str | None] = mapped_column(sa.String(60))
    price_amount: Mapped[int]
    currency: Mapped[str] = mapped_column(sa.String(3))
    hours_min: Mapped[int] = mapped_column(default=24)
    hours_max: Mapped[int] = mapped_column(default=48)
    is_on: Mapped[bool] = mapped_column(default=True)
    """False while the seller does not deliver there."""
    free_from_amount: Mapped[int | None]
    """Articles of this much are delivered free; None when none are."""
    door_limit_amount: Mapped[int | None]
    """Articles of up to this much may be paid at the door; None when none may."""

    @property
    def price(self) -> Money:
        """What a delivery there costs the buyer, of a small basket."""
        return Money(self.price_amount, self.currency)

    @property
    def place(self) -> str:
        """Where it is, as one says it: `Cocody, Abidjan`, or the town alone."""
        return f"{self.quarter}, {self.town}" if self.quarter else self.town

    @property
    def short_name(self) -> str:
        """Its quarter where it is one, else its town: for lists that go on from there."""
        return self.quarter or self.town

    @property
    def free_from(self) -> Money | None:
        """The articles from which delivery is free; None when it never is."""
        return Money(self.free_from_amount, self.currency) if self.free_from_amount else None

    @property
    def door_limit(self) -> Money | None:
        """The most that may be paid at the door; None when nothing may."""
        return Money(self.door_limit_amount, self.currency) if self.door_limit_amount else None

    def price_for(self, articles: Money) -> Money:
        """What a delivery there costs with so much of articles."""
        free = self.free_from is not None and articles >= self.free_from
        return Money(0, self.currency) if free else self.price


class PickupPoint(Base):
    """Where a buyer may fetch an order instead of having it brought."""

    __tablename__ = "pickup_point"
    __table_args__ = (
        sa.CheckConstraint("price_amount >= 0", name="price"),
        sa.CheckConstraint("ready_hours BETWEEN 1 AND 720", name="ready"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    store_id: Mapped[int] = mapped_column(sa.ForeignKey("store.id"), index=True)
    name: Mapped[str] = mapped_column(sa.String(60))
    town: Mapped[str] = mapped_column(sa.String(60))
    place: Mapped[str] = mapped_column(sa.String(160))
    """How to find it, as people say it."""
    hours: Mapped[str] = mapped_column(sa.String(80))
    price_amount: Mapped[int]
    currency: Mapped[str] = mapped_column(sa.String(3))
    ready_hours: Mapped[int] = mapped_column(default=24)
    """Within how many hours an order is there."""
    is_on: Mapped[bool] = mapped_column(default=True)

    @property
    def price(self) -> Money:
        """What fetching an order there costs."""
        return Money(self.price_amount, self.currency)


class Product(Base):
    """Something for sale. Its stock never goes below zero: orders hold it first."""

    __tablename__ = "product"
    __table_args__ = (
        sa.CheckConstraint("price_amount > 0", name="price"),
        sa.CheckConstraint("stock >= 0", name="stock"),
        sa.CheckConstraint("status IN ('active', 'hidden', 'pending', 'refused')", name="status"),
        sa.Index(
            "ix_product_waiting",
            "created_at",
            "id",
            sqlite_where=sa.text("status = 'pending'"),
            postgresql_where=sa.text("status = 'pending'"),
        ),
        sa.Index(
            "ix_product_shelf",
            sa.text("created_at DESC"),
            sa.text("id DESC"),
            sqlite_where=sa.text("status = 'active'"),
            postgresql_where=sa.text("status = 'active'"),
        ),
        sa.Index(
            "ix_product_category_shelf",
            "category_id",
            sa.text("created_at DESC"),
            sa.text("id DESC"),
            sqlite_where=sa.text("status = 'active'"),
            postgresql_where=sa.text("status = 'active'"),
        ),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    code: Mapped[str] = mapped_column(sa.String(8), unique=True)
    """Public short reference, as in /p/K7Q2M9XX."""
    store_id: Mapped[int] = mapped_column(sa.ForeignKey("store.id"), index=True)
    category_id: Mapped[int] = mapped_column(sa.ForeignKey("category.id"))
    name: Mapped[str] = mapped_column(sa.String(80))
    description: Mapped[str] = mapped_column(sa.Text, default="")
    price_amount: Mapped[int]
    currency: Mapped[str] = mapped_column(sa.String(3))
    stock: Mapped[int]
    status: Mapped[str] = mapped_column(sa.String(10), default="active")
    """`pending` while staff looks at it, `refused` until it is changed; never on a shelf meanwhile."""
    search_text: Mapped[str] = mapped_column(sa.Text, default="")
    """Name, description, shop and shelf, folded: no accents, no capitals, no plurals."""
    form_key: Mapped[str | None] = mapped_column(sa.String(64), unique=True)
    prepaid_only: Mapped[bool] = mapped_column(default=False)
    """True for what is never paid at the door, whatever the zone says."""
    created_at: Mapped[datetime]

    store: Mapped[Store] = relationship()
    category: Mapped[Category] = relationship()
    photos: Mapped[list[ProductPhoto]] = relationship(
        order_by="ProductPhoto.position", cascade="all, delete-orphan"
    )

    @property
    def price(self) -> Money:
        """Price of one."""
        return Money(self.price_amount, self.currency)


class ProductPhoto(Base):
    """A photo, re-encoded by us in the sizes pages need; the file name says nothing about its owner."""

    __tablename__ = "product_photo"

    id: Mapped[int] = mapped_column(primary_key=True)
    product_id: Mapped[int] = mapped_column(sa.ForeignKey("product.id"), index=True)
    key: Mapped[str] = mapped_column(sa.String(32), unique=True)
    position: Mapped[int] = mapped_column(default=0)
    width: Mapped[int]
    height: Mapped[int]


class ProductDecision(Base):
    """What staff decided about a product, why, and who: kept for ever, the last one counts."""

    __tablename__ = "product_decision"
    __table_args__ = (sa.CheckConstraint("length(reason) > 0", name="reason"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    product_id: Mapped[int] = mapped_column(sa.ForeignKey("product.id"), index=True)
    approved: Mapped[bool]
    reason: Mapped[str] = mapped_column(sa.String(200))
    author: Mapped[str] = mapped_column(sa.String(60))
    at: Mapped[datetime]
