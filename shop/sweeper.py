"""The clock process: finds what is due and nobody was rung for. Several may run; every claim is leased."""

from __future__ import annotations

import logging
import signal
import threading
from datetime import timedelta
from typing import Final

import sqlalchemy as sa

from shop import clock, jobs, queue
from shop.cashback.models import CashbackGrant
from shop.db import end_read, follow_database_clock, session
from shop.earnings.models import PayoutTerms
from shop.notices.models import Notice
from shop.orders.models import SellerOrder
from shop.orders.refund_models import OrderRefund
from shop.orders.talk_models import Dispute
from shop.payments.choice_models import ReceiptChoice
from shop.payments.models import Payment
from shop.payments.states import PaymentStatus
from shop.payouts.models import Payout
from shop.payouts.states import UNSENT, PayoutStatus
from shop.tontines.cycle_models import Round
from shop.webhooks.models import EventStatus, WebhookEvent

logger = logging.getLogger(__name__)

#: Seconds between two looks.
PERIOD_S: Final = 1.0
#: Work that has been due this long was rung for in vain: the clock does it itself.
PATIENCE: Final = timedelta(seconds=5)
#: Seconds between two seals of the books, two looks at providers and at the database's clock.
SEAL_EVERY_S: Final = 60.0

_created = Payment.status == PaymentStatus.CREATED
#: What is due of each kind: the oldest due moment. In the order in which work becomes money.
_OLDEST: Final = {
    "submit_payments": sa.select(sa.func.min(Payment.next_check_at)).where(_created),
    "process_webhooks": sa.select(sa.func.min(WebhookEvent.next_try_at)).where(
        WebhookEvent.status == EventStatus.QUEUED
    ),
    "verify_payments": sa.select(sa.func.min(Payment.next_check_at)).where(~_created),
    "expire_orders": sa.select(sa.func.min(SellerOrder.wake_at)),
    "wake_disputes": sa.select(sa.func.min(Dispute.wake_at)),
    "return_refunds": sa.select(sa.func.min(SellerOrder.return_at)),
    "return_parts": sa.select(sa.func.min(OrderRefund.return_at)),
    "return_receipts": sa.select(sa.func.min(ReceiptChoice.wake_at)),
    "pay_sellers": sa.select(sa.func.min(PayoutTerms.next_at)),
    "settle_rounds": sa.select(sa.func.min(Round.wake_at)),
    "release_holds": sa.select(sa.func.min(Payout.next_check_at)).where(
        Payout.status == PayoutStatus.HELD
    ),
    "send_payouts": sa.select(sa.func.min(Payout.next_check_at)).where(
        Payout.status == PayoutStatus.REQUESTED
    ),
    "verify_payouts": sa.select(sa.func.min(Payout.next_check_at)).where(
        Payout.status.not_in(UNSENT)
    ),
    "expire_cashback": sa.select(sa.func.min(CashbackGrant.wake_at)),
    "send_notices": sa.select(sa.func.min(Notice.next_try_at)).where(Notice.sent_at.is_(None)),
}


def due() -> dict[str, timedelta]:
    """Say which kinds of work are due, and for how long the oldest piece has been."""
    now = clock.now()
    oldest = {name: session.scalar(query) for name, query in _OLDEST.items()}
    end_read()
    return {name: now - at for name, at in oldest.items() if at is not None and at <= now}


def sweep() -> int:
    """Ring for what is due; do it here where nobody hears or nobody comes. Give how many rows."""
    handled = 0
    for name, age in due().items():
        if age > PATIENCE or not queue.ring(name):
            handled += _do(name)
    return handled


def _do(name: str) -> int:
    try:
        return jobs.run(name)
    except Exception:
        # The clock outlives any one piece of work; the row stays due and says so in `flask payments`.
        logger.exception("%s failed; its rows stay due", name)
        return 0


def run_forever(stop: threading.Event) -> None:
    """Sweep until told to stop; seal, watch, read floats and follow the database's clock once a minute."""
    sealed_at = clock.monotonic() - SEAL_EVERY_S
    while not stop.is_set():
        try:
            if clock.monotonic() - sealed_at >= SEAL_EVERY_S:
                sealed_at = clock.monotonic()
                follow_database_clock()
                _do("seal_books")
                _do("unblock_money")
                _do("watch_providers")
                _do("read_floats")
                _do("remind_members")
            handled = sweep()
        except sa.exc.SQLAlchemyError as error:
            logger.error("the database did not answer: %s", type(error).__name__)
            handled = 0
        finally:
            session.remove()
        stop.wait(0.05 if handled else PERIOD_S)


def stop_on_signals() -> threading.Event:
    """Make an event that SIGTERM and SIGINT set."""
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    return stop
