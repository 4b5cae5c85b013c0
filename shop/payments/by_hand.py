"""What a person at the command line asks for: attempts leased at once, whatever their turn."""

from __future__ import annotations

from collections.abc import Iterable

from shop import clock
from shop.db import in_transaction
from shop.payments.models import Payment
from shop.payments.service import Claim, _lease, locked
from shop.payments.states import PaymentStatus

#: Never sent, so no provider knows of them.
_UNSENT = (PaymentStatus.CREATED, PaymentStatus.CANCELLED)


def may_be_asked(payment: Payment) -> bool:
    """Say whether the provider can know anything of this attempt."""
    return payment.state not in _UNSENT


def claim_now(payment_ids: Iterable[int]) -> list[Claim]:
    """Lease these attempts to ask about them at once; those that somebody holds are left to them.

    A sender whose lease ran out is judged by the clock first, as ever: what is `sending` is not taken.
    """
    assert in_transaction(), "claims are committed before anybody is called"
    now = clock.now()
    return [
        _lease(payment)
        for payment in locked(payment_ids).values()
        if may_be_asked(payment)
        and payment.state is not PaymentStatus.SENDING
        and (payment.lease_until is None or payment.lease_until <= now)
    ]


def claim_alone(payment: Payment) -> Claim:
    """Lease one locked attempt for an answer that is here already; whoever held it is not heard."""
    assert in_transaction(), "a claim is committed before it is used"
    return _lease(payment)
