"""Who is told what about a payment, once per fact, in the language it was bought in."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

import sqlalchemy as sa

from shop.accounts.models import User
from shop.db import session
from shop.money import Money
from shop.notices import messages
from shop.notices.models import Kind
from shop.notices.service import Message
from shop.orders.models import Order, SellerOrder
from shop.payments import wording
from shop.payments.models import Payment, Receipt
from shop.payments.states import Disposition
from shop.providers.reasons import Reason
from shop.stores.models import Store
from shop.tontines import telling
from shop.tontines.cycle_models import Contribution
from shop.wallets.models import TopUp

#: Ends that we inferred: "nothing was taken" is then only what we know (U11).
INFERRED: Final = frozenset({Reason.TIMEOUT, Reason.OPERATOR_DOWN})


def paid(settled: Sequence[tuple[Payment, Order]]) -> Iterator[Message]:
    """Tell each buyer that the order is paid, and each seller that there is one to prepare."""
    yield from _paid([(payment.money, order) for payment, order in settled])


def _paid(settled: Sequence[tuple[Money, Order]]) -> Iterator[Message]:
    if not settled:
        return
    # The buyer's own number: the order's contact may be whoever receives the parcel.
    buyers = sa.select(User.id, User.phone).where(
        User.id.in_([order.user_id for _money, order in settled])
    )
    phones = {row.id: row.phone for row in session.execute(buyers)}
    for money, order in settled:
        text = messages.order_paid(
            order.reference, money, order.access_token, language=order.language
        )
        key = f"order-paid:{order.reference}"
        yield Message(key, phones[order.user_id], Kind.ORDER_PAID, text)
    owners = session.execute(
        sa.select(SellerOrder, Store.name, User.phone, User.language)
        .join(Store, Store.id == SellerOrder.store_id)
        .join(User, User.id == Store.owner_id)
        .where(SellerOrder.order_id.in_([order.id for _money, order in settled]))
        .order_by(SellerOrder.id)
    )
    for part, store, phone, language in owners:
        text = messages.sale(part.reference, store, part.total, language=language)
        yield Message(f"sale:{part.reference}", phone, Kind.SALE, text)


def paid_from_wallet(order: Order, amount: Money) -> Iterator[Message]:
    """Tell the buyer that the wallet paid, and each seller that there is an order to prepare."""
    yield from _paid([(amount, order)])


def topped_up(payment: Payment, top_up: TopUp) -> Message:
    """Tell the owner of a wallet that the money is there."""
    text = messages.top_up_arrived(top_up.total, top_up.reference, language=payment.language)
    return Message(f"topped-up:{top_up.reference}", top_up.user.phone, Kind.TOPPED_UP, text)


def blocked(payment: Payment, receipt: Receipt, amount: Money) -> Message:
    """Tell the owner that some of it is above a ceiling, and kept apart until there is room."""
    text = messages.money_blocked(amount, language=payment.language)
    return Message(f"blocked:{receipt.code}", payment.payer_phone, Kind.MONEY_BLOCKED, text)


def not_completed(payment: Payment, thing: Order | TopUp | Contribution) -> Iterator[Message]:
    """Tell the payer that the attempt ended without money."""
    if payment.superseded_at is not None:
        return
    reason = wording.short_reason(payment.reason, payment.language)
    inferred = payment.reason in INFERRED
    if isinstance(thing, TopUp):
        again = messages.top_up_not_seen if inferred else messages.top_up_failed
        text = again(reason, language=payment.language)
    elif isinstance(thing, Contribution):
        text = telling.not_paid(thing.reference, reason, payment.language)
    else:
        tell = messages.payment_not_seen if inferred else messages.payment_failed
        text = tell(thing.reference, reason, language=payment.language)
    key = f"failed:{payment.reference}"
    yield Message(key, payment.payer_phone, Kind.PAYMENT_FAILED, text)


def kept(
    payment: Payment, receipt: Receipt, thing: Order | TopUp | Contribution
) -> Iterator[Message]:
    """Tell the payer that money came which pays nothing, and that it is theirs."""
    if receipt.disposition == Disposition.WALLET:
        yield from given_back(payment, receipt, thing)


def reversed_(payment: Payment, thing: Order | TopUp | Contribution) -> Iterator[Message]:
    """Tell the payer and every seller that the operator took the payment back."""
    key = f"reversed:{payment.reference}"
    text = messages.payment_reversed(
        thing.reference, payment.money, sold=isinstance(thing, Order), language=payment.language
    )
    yield Message(key, payment.payer_phone, Kind.MONEY_KEPT, text)
    for part in thing.seller_orders if isinstance(thing, Order) else ():
        seller = session.get_one(User, part.store.owner_id)
        text = messages.sale_reversed(part.reference, part.total, language=seller.language)
        yield Message(f"{key}:{part.reference}", seller.phone, Kind.SALE, text)


def given_back(
    payment: Payment, receipt: Receipt, thing: Order | TopUp | Contribution
) -> Iterator[Message]:
    """Tell the payer that the money of a receipt is in their wallet."""
    if isinstance(thing, TopUp):
        text = messages.top_up_arrived(receipt.money, thing.reference, language=payment.language)
    elif isinstance(thing, Contribution):
        text = telling.kept(thing.reference, receipt.money, payment.language)
    else:
        text = messages.money_kept(receipt.money, thing.reference, language=payment.language)
    key = f"kept:{receipt.provider}:{receipt.transaction_ref}"[:80]
    yield Message(key, payment.payer_phone, Kind.MONEY_KEPT, text)
