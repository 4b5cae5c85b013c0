"""Who is told what about a payment, once per fact, in the language it was bought in."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

import sqlalchemy as sa

from shop.accounts.models import User
from shop.db import session
from shop.notices import messages, shop_messages
from shop.notices.models import Kind
from shop.notices.service import Message
from shop.orders.models import Order, SellerOrder
from shop.payments import wording
from shop.payments.models import Payment, Receipt
from shop.payments.states import Disposition
from shop.providers.reasons import Reason
from shop.stores.models import Store

#: Ends that we inferred: "nothing was taken" is then only what we know (U11).
INFERRED: Final = frozenset({Reason.TIMEOUT, Reason.OPERATOR_DOWN})


def paid(settled: Sequence[tuple[Payment, Order]]) -> Iterator[Message]:
    """Tell each buyer that the order is paid, and each seller that there is one to prepare."""
    if not settled:
        return
    # The buyer's own number: the order's contact may be whoever receives the parcel.
    buyers = sa.select(User.id, User.phone).where(
        User.id.in_([order.user_id for _payment, order in settled])
    )
    phones = {row.id: row.phone for row in session.execute(buyers)}
    for payment, order in settled:
        text = messages.order_paid(
            order.reference, payment.money, order.access_token, language=order.language
        )
        if payment.pay_link_id is not None:
            yield _thanks(payment, order)
            text = shop_messages.paid_for_you(
                order.reference, order.access_token, language=order.language
            )
        key = f"order-paid:{order.reference}"
        yield Message(key, phones[order.user_id], Kind.ORDER_PAID, text)
    owners = session.execute(
        sa.select(SellerOrder, Store.name, User.phone, User.language)
        .join(Store, Store.id == SellerOrder.store_id)
        .join(User, User.id == Store.owner_id)
        .where(SellerOrder.order_id.in_([order.id for _payment, order in settled]))
        .order_by(SellerOrder.id)
    )
    for part, store, phone, language in owners:
        text = (
            messages.sale_at_door(part.reference, store, part.door, language=language)
            if part.door
            else messages.sale(part.reference, store, part.total, language=language)
        )
        yield Message(f"sale:{part.reference}", phone, Kind.SALE, text)


def _thanks(payment: Payment, order: Order) -> Message:
    """Tell whoever paid for somebody else that it is done."""
    text = shop_messages.you_paid(order.reference, payment.money, language=payment.language)
    return Message(f"thanks:{payment.reference}", payment.payer_phone, Kind.ORDER_PAID, text)


def not_completed(payment: Payment, order: Order) -> Iterator[Message]:
    """Tell the payer that the attempt ended without money."""
    if payment.superseded_at is not None:
        return
    reason = wording.short_reason(payment.reason, payment.language)
    tell = messages.payment_not_seen if payment.reason in INFERRED else messages.payment_failed
    text = tell(order.reference, reason, language=payment.language)
    key = f"failed:{payment.reference}"
    yield Message(key, payment.payer_phone, Kind.PAYMENT_FAILED, text)


def kept(payment: Payment, receipt: Receipt, order: Order) -> Iterator[Message]:
    """Tell the payer that money came which pays nothing, and that it is theirs."""
    if receipt.disposition == Disposition.WALLET:
        yield from given_back(payment, receipt, order)


def reversed_(payment: Payment, order: Order) -> Iterator[Message]:
    """Tell the payer and every seller that the operator took the payment back."""
    key = f"reversed:{payment.reference}"
    text = messages.payment_reversed(order.reference, payment.money, language=payment.language)
    yield Message(key, payment.payer_phone, Kind.MONEY_KEPT, text)
    for part in order.seller_orders:
        seller = session.get_one(User, part.store.owner_id)
        text = messages.sale_reversed(part.reference, part.total, language=seller.language)
        yield Message(f"{key}:{part.reference}", seller.phone, Kind.SALE, text)


def given_back(payment: Payment, receipt: Receipt, order: Order) -> Iterator[Message]:
    """Tell the payer that the money of a receipt is in their wallet."""
    text = messages.money_kept(receipt.money, order.reference, language=payment.language)
    key = f"kept:{receipt.provider}:{receipt.transaction_ref}"[:80]
    yield Message(key, payment.payer_phone, Kind.MONEY_KEPT, text)
