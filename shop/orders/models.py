"""What was bought: one order for the buyer, one seller order per shop, prices frozen at checkout."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column, relationship

from shop.db import Base
from shop.money import Money
from shop.orders.states import TABS, Escrow, Stage, Tab
from shop.stores.models import Product, Store


class OrderStatus(StrEnum):
    """Where an order stands towards its payment."""

    AWAITING_PAYMENT = "awaiting_payment"
    PAID = "paid"
    CANCELLED = "cancelled"


_TO_WAKE = sa.text("wake_at IS NOT NULL")
_TO_RETURN = sa.text("return_at IS NOT NULL")


def under(tab: Tab) -> str:
    """Write the condition of a tab: spelled out, since only then its index answers for it."""
    return f"stage IN ({', '.join(repr(str(stage)) for stage in TABS[tab])})"


#: What a shop earned and nobody sent yet, and what is held for it: spelled as their indexes are.
UNPAID = "payout_id IS NULL AND released_amount > 0"
HELD = "escrow = 'held'"


def _tab_index(tab: Tab) -> sa.Index:
    return _partial_index(str(tab), under(tab), "store_id", "paid_at", "id")


def _partial_index(name: str, condition: str, *columns: str) -> sa.Index:
    where = sa.text(condition)
    return sa.Index(f"ix_seller_order_{name}", *columns, sqlite_where=where, postgresql_where=where)


class HoldState(StrEnum):
    """What became of stock that an order took off the shelf."""

    HELD = "held"
    CONSUMED = "consumed"
    RETURNED = "returned"


class Order(Base):
    """Everything one buyer pays at once (D10). Its amounts never change after checkout."""

    __tablename__ = "order"
    __table_args__ = (
        sa.CheckConstraint("status IN ('awaiting_payment', 'paid', 'cancelled')", name="status"),
        sa.CheckConstraint("items_amount > 0 AND delivery_amount >= 0", name="amounts"),
        sa.CheckConstraint("total_amount = items_amount + delivery_amount", name="total"),
        sa.CheckConstraint("(status = 'paid') = (paid_at IS NOT NULL)", name="paid_at"),
        sa.Index("ix_order_user_id_created_at", "user_id", "created_at"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    reference: Mapped[str] = mapped_column(sa.String(8), unique=True)
    user_id: Mapped[int] = mapped_column(sa.ForeignKey("user.id"))
    form_key: Mapped[str] = mapped_column(sa.String(64), unique=True)
    access_token: Mapped[str] = mapped_column(sa.String(43), unique=True)
    """128 bits and more: the link in a message opens this order and nothing else."""
    currency: Mapped[str] = mapped_column(sa.String(3))
    items_amount: Mapped[int]
    delivery_amount: Mapped[int]
    total_amount: Mapped[int]
    status: Mapped[str] = mapped_column(sa.String(20), default=OrderStatus.AWAITING_PAYMENT)
    country: Mapped[str] = mapped_column(sa.String(2))
    contact_name: Mapped[str] = mapped_column(sa.String(80))
    contact_phone: Mapped[str] = mapped_column(sa.String(20))
    town: Mapped[str] = mapped_column(sa.String(60))
    quarter: Mapped[str] = mapped_column(sa.String(60))
    landmark: Mapped[str] = mapped_column(sa.String(160))
    language: Mapped[str] = mapped_column(sa.String(5), default="fr")
    created_at: Mapped[datetime]
    paid_at: Mapped[datetime | None]

    seller_orders: Mapped[list[SellerOrder]] = relationship(
        order_by="SellerOrder.id", back_populates="order"
    )

    @property
    def total(self) -> Money:
        """What the buyer owes, delivery included, before any method's fee."""
        return Money(self.total_amount, self.currency)

    @property
    def delivery(self) -> Money:
        """All deliveries together."""
        return Money(self.delivery_amount, self.currency)

    @property
    def items(self) -> Money:
        """All articles together."""
        return Money(self.items_amount, self.currency)


class SellerOrder(Base):
    """One shop's part of an order: its own delivery, escrow and commission, frozen at checkout."""

    __tablename__ = "seller_order"
    __table_args__ = (
        sa.UniqueConstraint("order_id", "store_id"),
        sa.CheckConstraint("items_amount > 0 AND delivery_amount >= 0", name="amounts"),
        sa.CheckConstraint("total_amount = items_amount + delivery_amount", name="total"),
        sa.CheckConstraint("commission_amount BETWEEN 0 AND items_amount", name="commission"),
        sa.CheckConstraint("status IN ('awaiting_payment', 'paid', 'cancelled')", name="status"),
        sa.Index("ix_seller_order_store_id_paid_at", "store_id", "paid_at", "id"),
        sa.Index("ix_seller_order_store_id_created_at", "store_id", "created_at"),
        sa.Index(
            "ix_seller_order_wake_at", "wake_at", sqlite_where=_TO_WAKE, postgresql_where=_TO_WAKE
        ),
        sa.Index(
            "ix_seller_order_return_at",
            "return_at",
            sqlite_where=_TO_RETURN,
            postgresql_where=_TO_RETURN,
        ),
        *(_tab_index(tab) for tab in Tab),
        _partial_index("unpaid", UNPAID, "store_id", "closed_at", "id"),
        _partial_index("held", HELD, "store_id", "total_amount"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    reference: Mapped[str] = mapped_column(sa.String(8), unique=True)
    order_id: Mapped[int] = mapped_column(sa.ForeignKey("order.id"))
    store_id: Mapped[int] = mapped_column(sa.ForeignKey("store.id"))
    currency: Mapped[str] = mapped_column(sa.String(3))
    items_amount: Mapped[int]
    delivery_amount: Mapped[int]
    total_amount: Mapped[int]
    commission_bp: Mapped[int]
    commission_amount: Mapped[int]
    status: Mapped[str] = mapped_column(sa.String(20), default=OrderStatus.AWAITING_PAYMENT)
    created_at: Mapped[datetime]
    paid_at: Mapped[datetime | None]
    promised_hours: Mapped[int] = mapped_column(default=48)
    """The delivery time of the zone, frozen at checkout."""
    stage: Mapped[str] = mapped_column(sa.String(12), default=Stage.UNPAID)
    escrow: Mapped[str] = mapped_column(sa.String(10), default=Escrow.NONE)
    due_at: Mapped[datetime | None]
    """Until when somebody may act; then the clock does, or staff looks."""
    wake_at: Mapped[datetime | None]
    """When the clock looks next: a reminder, or `due_at`. None when it has nothing more to do."""
    reminders: Mapped[int] = mapped_column(default=0)
    """Reminders said in this stage."""
    disputed_at: Mapped[datetime | None]
    """Since when its amount is frozen; None while nobody reports a problem."""
    staff_since: Mapped[datetime | None]
    """Since when a person of staff should look: five wrong codes, or a silent buyer."""
    code_tries: Mapped[int] = mapped_column(default=0)
    closed_at: Mapped[datetime | None]
    return_at: Mapped[datetime | None]
    """When a refund is to be sent on to the phone that paid; None when nothing is, or it was."""
    released_amount: Mapped[int] = mapped_column(default=0)
    """What the seller's wallet received."""
    kept_amount: Mapped[int] = mapped_column(default=0)
    """What we kept as commission."""
    refunded_amount: Mapped[int] = mapped_column(default=0)
    """What the buyer got back of the escrow. Once closed, the three are the total (E1)."""
    early_commission_amount: Mapped[int] = mapped_column(default=0, server_default="0")
    """What of our commission is no longer due, since parts went back while the rest was held."""
    later_refunded_amount: Mapped[int] = mapped_column(default=0, server_default="0")
    """What of the sale went back to the buyer after it was closed, on the seller's account."""
    later_commission_amount: Mapped[int] = mapped_column(default=0, server_default="0")
    """What of our commission went back to the seller with it."""
    payout_id: Mapped[int | None] = mapped_column(sa.ForeignKey("payout.id"))
    """The seller payout that carries `released_amount`; None until one does, or when it came back."""

    order: Mapped[Order] = relationship(back_populates="seller_orders")
    store: Mapped[Store] = relationship()
    lines: Mapped[list[OrderLine]] = relationship(order_by="OrderLine.id")

    @property
    def total(self) -> Money:
        """What the buyer pays for this shop's part; what its escrow holds."""
        return Money(self.total_amount, self.currency)

    @property
    def items(self) -> Money:
        """This shop's articles."""
        return Money(self.items_amount, self.currency)

    @property
    def delivery(self) -> Money:
        """This shop's delivery."""
        return Money(self.delivery_amount, self.currency)

    @property
    def commission(self) -> Money:
        """Our part of the whole sale, as frozen at checkout."""
        return Money(self.commission_amount, self.currency)

    @property
    def due_commission(self) -> Money:
        """Our part when the escrow is released: of what is left of the sale, and of what is held."""
        due = Money(self.commission_amount - self.early_commission_amount, self.currency)
        return min(due, self.held)

    @property
    def net(self) -> Money:
        """What the seller will receive."""
        return self.held - self.due_commission

    @property
    def state(self) -> Stage:
        """The stage as a word of its table."""
        return Stage(self.stage)

    @property
    def held(self) -> Money:
        """What its escrow still holds while it is open."""
        return self.total - self.refunded

    @property
    def released(self) -> Money:
        """What the seller's wallet received of it."""
        return Money(self.released_amount, self.currency)

    @property
    def kept(self) -> Money:
        """What we kept of it."""
        return Money(self.kept_amount, self.currency)

    @property
    def refunded(self) -> Money:
        """What the buyer got back of it."""
        return Money(self.refunded_amount, self.currency)


class SellerOrderEvent(Base):
    """One thing that happened to a seller order: who, what, when. Never changed (E5)."""

    __tablename__ = "seller_order_event"

    id: Mapped[int] = mapped_column(primary_key=True)
    seller_order_id: Mapped[int] = mapped_column(sa.ForeignKey("seller_order.id"), index=True)
    at: Mapped[datetime]
    actor: Mapped[str] = mapped_column(sa.String(10))
    user_id: Mapped[int | None] = mapped_column(sa.ForeignKey("user.id"))
    """Who exactly; None for the clock, a payment, and staff at a shell (whose name is in the words)."""
    old: Mapped[str | None] = mapped_column(sa.String(12))
    new: Mapped[str | None] = mapped_column(sa.String(12))
    """None when nothing moved: a reminder, a wrong code, a call for staff."""
    what: Mapped[str] = mapped_column(sa.String(20))
    """The stage taken, or `reminder`, `wrong_code`, `to_staff`."""
    words: Mapped[str] = mapped_column(sa.String(200), default="")
    """The reason given, as it was typed."""


class OrderLine(Base):
    """One article of a seller order, named and priced as on the day."""

    __tablename__ = "order_line"
    __table_args__ = (
        sa.CheckConstraint("quantity BETWEEN 1 AND 999", name="quantity"),
        sa.CheckConstraint("amount = unit_amount * quantity AND unit_amount > 0", name="amount"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    seller_order_id: Mapped[int] = mapped_column(sa.ForeignKey("seller_order.id"), index=True)
    product_id: Mapped[int] = mapped_column(sa.ForeignKey("product.id"))
    name: Mapped[str] = mapped_column(sa.String(80))
    unit_amount: Mapped[int]
    quantity: Mapped[int]
    amount: Mapped[int]
    currency: Mapped[str] = mapped_column(sa.String(3))

    product: Mapped[Product] = relationship()

    @property
    def money(self) -> Money:
        """Price of the line."""
        return Money(self.amount, self.currency)

    @property
    def unit_price(self) -> Money:
        """Price of one, as on the day."""
        return Money(self.unit_amount, self.currency)


class StockHold(Base):
    """Stock taken off the shelf for an order, until its attempt ends: consumed or returned, once (B3)."""

    __tablename__ = "stock_hold"
    __table_args__ = (
        sa.UniqueConstraint("order_id", "product_id"),
        sa.CheckConstraint("quantity > 0", name="quantity"),
        sa.CheckConstraint("state IN ('held', 'consumed', 'returned')", name="state"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    order_id: Mapped[int] = mapped_column(sa.ForeignKey("order.id"))
    product_id: Mapped[int] = mapped_column(sa.ForeignKey("product.id"), index=True)
    quantity: Mapped[int]
    state: Mapped[str] = mapped_column(sa.String(10), default=HoldState.HELD)
    changed_at: Mapped[datetime]
