"""What people decide about payouts: give up, let go, send anew, and end what no machine can tell."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from shop import clock, leases, payout_notices
from shop.accounts import service as accounts
from shop.db import retrying, session, transaction
from shop.earnings import service as earnings
from shop.errors import Conflict, Refusal
from shop.ledger import chart, entries
from shop.ledger import service as ledger
from shop.ledger.entries import Entry
from shop.money import Money
from shop.notices import service as notices
from shop.payouts import reading
from shop.payouts import service as payouts
from shop.payouts.models import Payout
from shop.payouts.service import Intent, NotRetryable
from shop.payouts.states import Evidence, PayoutPurpose, PayoutStatus
from shop.providers import methods
from shop.providers.reasons import Reason
from shop.signals import payout_settled, tell

#: What no later look would find is given back only after the provider's next daily statement.
NEXT_STATEMENT: Final = timedelta(days=1)


class NotHeld(Conflict):
    """Nothing keeps this payout: it is on its way, or has ended."""

    code = "not_held"


class NotInReview(Conflict):
    """Nobody has to decide about this payout: it runs by itself, or has ended."""

    code = "not_in_review"


class TooEarlyToGiveBack(Conflict):
    """The provider cannot be asked about it: nobody would notice if it left after all."""

    code = "too_early_to_give_back"


class SecondPersonNeeded(Refusal):
    """Whoever proposed this end cannot confirm it (B5)."""

    code = "second_person_needed"
    http_status = 403


@retrying
def cancel_payout(payout_id: int, source: str, words: str = "") -> Payout:
    """Give up a payout that was never sent: its money is in the wallet again.

    Raises `NotCancellable` once the provider may have heard of it.
    """
    with transaction():
        payout = payouts.locked([payout_id])[payout_id]
        payouts.cancel(payout, source, words)
        session.flush()
        ledger.post(_returned(payout))
        earnings.came_back([payout.id])
    tell(payout_settled, payout.reference)
    return payout


@retrying
def release_payout(payout_id: int, source: str) -> Payout:
    """Let a held payout go before its time. Raises `NotHeld` for any other."""
    with transaction():
        payout = payouts.locked([payout_id])[payout_id]
        if payout.state is not PayoutStatus.HELD:
            raise NotHeld(f"payout {payout.reference} is {payout.status}")
        payouts.release(payout, source)
        return payout


@retrying
def retry_payout(payout_id: int, source: str, words: str = "") -> Payout:
    """Send what came back once more, as a new payout from the wallet; one per failed payout.

    Raises `NotRetryable` for any other payout, and for one whose number nobody can send to now;
    `InsufficientFunds` when the wallet was spent meanwhile.
    """
    with transaction():
        old = payouts.locked([payout_id])[payout_id]
        if old.state is not PayoutStatus.FAILED or old.late_ref is not None:
            raise NotRetryable(f"payout {old.reference} is {old.status}")
        asked = methods.get(old.method)
        usable = payouts.payout_methods(old.country, asked.operator, old.currency)
        if not usable:
            raise NotRetryable(f"payout {old.reference}: nobody can send to this number now")
        owner_id = accounts.owner_id(old.user_id)
        payouts.note(old, source, words=f"sent anew: {words}")
        return payouts.request(
            Intent(
                purpose=PayoutPurpose.WITHDRAWAL,
                user_id=owner_id,
                method=asked if asked in usable else usable[0],
                payee_phone=old.payee_phone,
                amount=old.money,
                source=chart.wallet(owner_id, old.currency),
                form_key=f"retry:{old.reference}",
                language=old.language,
            )
        )


@retrying
def resolve_payout(
    payout_id: int, to: PayoutStatus, by: str, reason: str, transaction_ref: str | None = None
) -> Payout:
    """Propose how a payout in review ended, or confirm what another person proposed (B5).

    It ends when the second of two different people says the same. A success names the provider's
    transaction. Raises `NotInReview`, `SecondPersonNeeded` when one person speaks twice, or
    `TooEarlyToGiveBack` within a day of review where the provider cannot be asked about it.
    """
    assert to in (PayoutStatus.SUCCEEDED, PayoutStatus.FAILED), "people end it either way"
    with transaction():
        payout = payouts.locked([payout_id])[payout_id]
        if payout.state is not PayoutStatus.REVIEW:
            raise NotInReview(f"payout {payout.reference} is {payout.status}")
        if to is PayoutStatus.FAILED:
            _check_nothing_can_leave(payout)
        same = (payout.proposed, payout.proposed_ref) == (to, transaction_ref)
        if same and _is_same_person(payout.proposed_by, by):
            raise SecondPersonNeeded(f"payout {payout.reference}: another person confirms")
        if not same:
            payout.proposed, payout.proposed_by, payout.proposed_ref = to, by, transaction_ref
            payouts.note(payout, by, words=f"proposes {to}: {reason}")
            return payout
        _end_by_people(payout, to, by, reason)
    tell(payout_settled, payout.reference)
    return payout


def _check_nothing_can_leave(payout: Payout) -> None:
    """A request long on its way may still arrive; where no late look finds it, people wait (W5).

    The day begins when the payout came to review: a worker may have slept over its request.
    """
    if payouts.can_be_found(payout):
        return
    surely_at = NEXT_STATEMENT + max(
        event.at for event in reading.events_of(payout.id) if event.new == PayoutStatus.REVIEW
    )
    if clock.now() < surely_at:
        raise TooEarlyToGiveBack(
            f"payout {payout.reference}: {payout.provider} cannot be asked about it, so wait for its"
            f" statement until {surely_at:%d/%m/%Y %H:%M} UTC"
        )


def _is_same_person(one: str | None, other: str) -> bool:
    return one is not None and one.strip().casefold() == other.strip().casefold()


def _end_by_people(payout: Payout, to: PayoutStatus, by: str, reason: str) -> None:
    payout.confirmed_by, now = by, clock.now()
    if to is PayoutStatus.SUCCEEDED:
        ref = payout.proposed_ref
        if not ref or payouts.known_transactions([ref]).get((payout.provider, ref)):
            raise Conflict(f"payout {payout.reference}: a success names a transaction of its own")
        payout.transaction_ref = ref
        entry = entries.payout_succeeded(
            payout.reference, payout.provider, payout.money, Money(0, payout.currency)
        )
    else:
        payout.reason = Reason.REFUSED
        entry = _returned(payout)
    payouts.move(payout, to, by, reason, evidence=Evidence.PEOPLE, asked_at=now)
    if to is PayoutStatus.FAILED:
        # People can be wrong, or early: what leaves later is looked for as after any other failure.
        payout.next_check_at = clock.after(leases.LATE_WATCH_S[0])
    session.flush()
    ledger.post(entry)
    if to is PayoutStatus.FAILED:
        earnings.came_back([payout.id])
    message = payout_notices.arrived if to is PayoutStatus.SUCCEEDED else payout_notices.returned
    notices.put_all([message(payout)])


def _returned(payout: Payout) -> Entry:
    """Back to the wallet of whoever answers for the user now, wherever the money came from."""
    owner_id = accounts.owner_id(payout.user_id)
    return entries.payout_failed(payout.reference, owner_id, payout.money)
