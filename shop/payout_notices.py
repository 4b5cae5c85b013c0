"""Who is told what about a payout, once per fact, in the language it was asked in."""

from __future__ import annotations

from shop.accounts.models import User
from shop.db import session
from shop.notices import messages
from shop.notices.models import Kind
from shop.notices.service import Message
from shop.payments.models import Payment
from shop.payouts import wording
from shop.payouts.models import Payout, Refund
from shop.providers import methods


def sent(payout: Payout) -> Message:
    """Tell the payee that the operator took it on."""
    operator = methods.get(payout.method).label
    text = messages.payout_sent(payout.money, payout.reference, operator, language=payout.language)
    return Message(f"payout-sent:{payout.reference}", payout.payee_phone, Kind.PAYOUT_SENT, text)


def arrived(payout: Payout) -> Message:
    """Tell the payee that the money is on the phone."""
    text = messages.payout_arrived(payout.money, payout.reference, language=payout.language)
    return Message(
        f"payout-arrived:{payout.reference}", payout.payee_phone, Kind.PAYOUT_ARRIVED, text
    )


def returned(payout: Payout) -> Message:
    """Tell the owner of the wallet that the money is there again, and why."""
    reason = wording.reason(payout, payout.language)
    text = messages.payout_returned(
        payout.money, payout.reference, reason, language=payout.language
    )
    return Message(
        f"payout-returned:{payout.reference}", _owner_phone(payout), Kind.PAYOUT_RETURNED, text
    )


def late(payout: Payout) -> Message:
    """Tell the owner of the wallet that it arrived after all."""
    text = messages.payout_late(payout.money, payout.reference, language=payout.language)
    return Message(f"payout-late:{payout.reference}", _owner_phone(payout), Kind.PAYOUT_LATE, text)


def refund_kept(refund: Refund, payment: Payment) -> Message:
    """Tell the payer that a refund is in the wallet: nobody can carry it to the phone."""
    text = messages.refund_kept(refund.money, payment.reference, language=payment.language)
    return Message(f"refund-kept:{refund.id}", payment.payer_phone, Kind.REFUND_KEPT, text)


def _owner_phone(payout: Payout) -> str:
    return session.get_one(User, payout.user_id).phone
