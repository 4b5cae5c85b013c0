"""Bugs put in on purpose where money leaves: each is one that somebody once shipped."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from shop import clock, jobs, leases, payout_settlement, references, refunds
from shop.db import transaction
from shop.ledger import service as ledger
from shop.payouts import service as payouts
from shop.payouts.models import Payout
from shop.payouts.states import Evidence, PayoutStatus
from shop.providers.reasons import Reason
from shop.providers.values import Outcome, ProviderUnavailable, Status
from tests.simulation.planting import bug

_apply, _return, _follow = (
    payout_settlement._apply, payout_settlement._return, payout_settlement._follow,
)  # fmt: skip
_gone, _missing = payout_settlement._gone, payout_settlement._is_certainly_missing
_cancel = payouts.cancel
_request, _wait_s, _post = payouts.request, payouts._wait_s, ledger.post
_ask_one, _send, _trace, _lease = jobs._ask_one, jobs._send, jobs._trace, leases.lease


@bug("a payout that met silence is sent again under a fresh reference", (jobs, "_send"))
def payout_fresh_reference(provider: Any, claim: Any) -> Outcome:
    try:
        return _send(provider, claim)
    except ProviderUnavailable:
        fresh = replace(claim.question, reference=references.new())
        return _send(provider, replace(claim, question=fresh))


@bug("a payout that met silence is sent again at once", (jobs, "_send"))
def payout_sent_again(provider: Any, claim: Any) -> Outcome:
    try:
        return _send(provider, claim)
    except ProviderUnavailable:
        return _send(provider, claim)


@bug("a payout's timeout gives the money back", (payout_settlement, "_stay_unknown"))
def payout_timeout_is_failure(batch: Any, answer: Any, payout: Any, said: Any) -> None:
    _return(batch, answer, payout, Reason.OPERATOR_DOWN, str(said), Evidence.UNSENT)


@bug("the first absence gives a payout's money back", (payout_settlement, "_is_certainly_missing"))
def payout_absence_at_once(answer: Any, payout: Any) -> bool:
    return bool(payout.state is PayoutStatus.UNKNOWN)


@bug(
    "a payout's absence is judged by the present clock, not by when it was seen",
    (payout_settlement, "_is_certainly_missing"),
    needs=lambda plan: plan.sends > 0 and plan.fault_rate > 0 and plan.doze_rate > 0,
)
def payout_absence_by_present_clock(answer: Any, payout: Any) -> bool:
    return _missing(replace(answer, asked_at=clock.now()), payout)


@bug("a payout that is not found is sent again", (jobs, "_trace"))
def payout_resent_when_absent(provider: Any, claim: Any) -> Outcome:
    said = _trace(provider, claim)
    return _send(provider, claim) if said.status is Status.ABSENT else said


@bug("the lease is not looked at before money is sent", (jobs, "_ask_one"))
def payout_without_lease(provider: Any, claim: Any, ask: Any, *, submitted: bool) -> Any:
    late = replace(claim, lease_until=claim.lease_until.replace(year=9_999))
    answer = _ask_one(provider, late, ask, submitted=submitted)
    return None if answer is None else replace(answer, claim=claim)


@bug("a payout's lease is over as soon as it is taken", (leases, "lease"))
def payout_not_leased(row: Any) -> Any:
    held = _lease(row)
    if isinstance(row, Payout):
        row.lease_until = row.next_check_at = clock.now()
    return held


@bug(
    "whoever answers writes a payout, lease or none",
    (payout_settlement, "_apply"),
    needs=lambda plan: plan.sends > 0 and plan.doze_rate > 0,
)
def payout_token_is_ignored(batch: Any, answer: Any, payout: Any) -> None:
    claim = replace(answer.claim, token=payout.lease_token)
    _apply(batch, replace(answer, claim=claim), payout)


@bug("the wallet is debited when the answer comes, not when it is asked", (payouts, "request"))
def payout_optimistic_debit(intent: Any) -> Any:
    def later(entry: Any) -> bool:
        return entry.event == "payout_requested" or _post(entry)

    payouts.ledger.post, kept = later, payouts.ledger.post
    try:
        return _request(intent)
    finally:
        payouts.ledger.post = kept


@bug(
    "a payout's state in one transaction, its money in the next",
    (payout_settlement, "_settle_in_transaction"),
)
def payout_two_transactions(answers: Any) -> list[str]:
    with transaction():
        batch = payout_settlement._locked(answers)
        for answer in answers:
            _apply(batch, answer, batch.payouts[answer.claim.payout_id])
    with transaction():
        payout_settlement._write(batch)
    return []


@bug("every success heard is posted", (payout_settlement, "_gone"))
def payout_posted_every_time(batch: Any, answer: Any, payout: Any, said: Outcome) -> None:
    if payout.state is not PayoutStatus.SUCCEEDED:
        return _gone(batch, answer, payout, said)
    entry = payout_settlement._gone_entry(payout, said)
    legs = tuple(replace(leg, key=f"{leg.key}:{payout.checks}") for leg in entry.legs)
    return batch.posted.append(replace(entry, legs=legs))


@bug("money that leaves after its return is forgotten", (payout_settlement, "_gone"))
def payout_late_is_dropped(batch: Any, answer: Any, payout: Any, said: Outcome) -> None:
    if payout.state is not PayoutStatus.FAILED:
        _gone(batch, answer, payout, said)


@bug(
    "a returned payout is never asked about again",
    (payouts, "_wait_s"),
    # Only where no message comes either, and requests arrive when nobody waits any more.
    needs=lambda plan: plan.sends > 0 and plan.fault_rate > 0 and plan.mute and bool(plan.late_s),
)
def payout_no_late_watch(payout: Any, heard_at: Any) -> float | None:
    return None if payout.state is PayoutStatus.FAILED else _wait_s(payout, heard_at)


@bug("a payout is taken back while its request may be on its way", (payouts, "cancel"))
def payout_cancelled_late(payout: Any, source: str, words: str = "") -> None:
    if payout.state not in (PayoutStatus.SENDING, PayoutStatus.UNKNOWN):
        return _cancel(payout, source, words)
    how = {"evidence": Evidence.PEOPLE, "asked_at": clock.now()}
    return payouts.move(payout, PayoutStatus.FAILED, source, **how)


@bug("a receipt is given back as often as it is asked", (refunds, "_refuse_above"))
def refunded_twice(receipt: Any, amount: Any) -> None:
    return None


@bug("a provider's pending is a success", (payout_settlement, "_follow"))
def payout_pending_is_sent(batch: Any, answer: Any, payout: Any, said: Outcome) -> None:
    if said.status is Status.PENDING:
        said = replace(said, status=Status.SUCCEEDED, transaction_ref=payout.reference)
    _follow(batch, answer, payout, said)
