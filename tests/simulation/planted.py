"""Bugs put in on purpose: a simulation that lets one of them pass proves nothing about the house."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

from shop import clock, jobs, lanes, leases, purposes, receipts, references, settlement, sweeper
from shop.db import session, transaction
from shop.orders import service as orders
from shop.payments import service as payments
from shop.payments.states import Disposition, Note, PaymentStatus
from shop.providers.reasons import Reason
from shop.providers.values import Outcome, ProviderUnavailable, Status
from shop.webhooks.models import WebhookEvent
from tests.simulation.planting import bug

_apply, _receive, _judge = settlement._apply, settlement._receive, settlement._judge
_miss, _too_old = settlement._miss, settlement._too_old
_write_receipt, _posted = receipts.write, receipts.posted
_look_at, _ask_one = jobs._look_at, jobs._ask_one
_give_up, _wait_s, _late_watch_s = payments.give_up, payments._wait_s, payments._late_watch_s


@bug("a webhook that says paid is believed", (jobs, "_look_at"))
def webhook_is_believed(events: Iterable[WebhookEvent]) -> None:
    events = list(events)
    for event in events:
        body = json.loads(event.body or b"{}") if (event.body or b"").startswith(b"{") else {}
        if str(body.get("status")) in ("SUCCESSFUL", "SUCCESS"):
            for payment in payments.named_by_webhook(
                event.provider, path_token=event.path_token, reference=event.reference,
                provider_ref=event.provider_ref, echo_hash=event.echo_hash,
            ):  # fmt: skip
                said = Outcome(Status.SUCCEEDED, transaction_ref=f"{body.get('txnid')}{event.id}")
                claim: Any = SimpleNamespace(payment_id=payment.id)
                batch = settlement._locked([leases.Answer(claim, said, clock.now(), False)])
                _receive(batch, payment, batch.things.of(payment), "webhook", said)
                settlement._write(batch)
    _look_at(events)


@bug("a timeout is a failure", (settlement, "_stay_unknown"))
def timeout_is_failure(batch: Any, payment: Any, order: Any, answer: Any, said: Any) -> None:
    settlement._refuse(batch, payment, order, answer.source, Reason.OPERATOR_DOWN, str(said))


@bug("after a silence the request is sent again under a fresh reference", (jobs, "_submit"))
def fresh_reference(provider: Any, claim: Any) -> Outcome:
    try:
        return provider.collect(claim.collection)
    except ProviderUnavailable:
        return provider.collect(replace(claim.collection, reference=references.new()))


@bug("what was asked is booked, not what came", (settlement, "_receive"))
def asked_amount_is_booked(
    batch: Any, payment: Any, order: Any, source: str, said: Outcome
) -> None:
    _receive(batch, payment, order, source, replace(said, amount=None, contradiction=None))


@bug(
    "a failed attempt becomes succeeded when its money comes late", (settlement, "_end_with_money")
)
def ended_is_overwritten(payment: Any, source: str, note: Note, words: str) -> None:
    payment.status = PaymentStatus.SUCCEEDED
    payments.note(payment, source, new=PaymentStatus.SUCCEEDED, words=words)


@bug("status in one transaction, money in the next", (settlement, "_settle_in_transaction"))
def two_transactions(answers: Any) -> list[str]:
    with transaction():
        batch = settlement._locked(answers)
        for answer in answers:
            payment = batch.payments[answer.claim.payment_id]
            _apply(batch, answer, payment, batch.things.of(payment))
    with transaction():
        settlement._write(batch)
    return []


@bug("a receipt is written for every success heard", (receipts, "write"))
def receipt_every_time(payment: Any, said: Outcome, note: Any, owner_id: int) -> Any:
    ref = f"{said.transaction_ref}-{payment.checks}"
    return _write_receipt(payment, replace(said, transaction_ref=ref), note, owner_id)


@bug("the lease is not looked at before sending", (jobs, "_ask_one"))
def sends_without_lease(provider: Any, claim: Any, ask: Any, *, submitted: bool) -> Any:
    late = replace(claim, lease_until=claim.lease_until.replace(year=9_999))
    answer = _ask_one(provider, late, ask, submitted=submitted)
    return None if answer is None else replace(answer, claim=claim)


@bug("an absence counts at once", (settlement, "_miss"))
def absence_at_once(batch: Any, payment: Any, order: Any, answer: Any, said: Outcome) -> None:
    settlement._refuse(batch, payment, order, answer.source, Reason.OPERATOR_DOWN, said.words)


@bug("an absence is judged by the present clock, not by when it was seen", (settlement, "_miss"))
def absence_by_present_clock(
    batch: Any, payment: Any, order: Any, answer: Any, said: Outcome
) -> None:
    _miss(batch, payment, order, replace(answer, asked_at=clock.now()), said)


@bug("a hosted page dies so long after the tap, not after its sending", (settlement, "_too_old"))
def page_dies_too_early(payment: Any, asked_at: Any) -> bool:
    limit_s = payments.provider_of(payment).timing.void_after_s
    return limit_s is not None and (asked_at - payment.created_at).total_seconds() > limit_s


@bug("an answer that slept is judged by the present clock", (settlement, "_too_old"))
def untouched_by_present_clock(payment: Any, asked_at: Any) -> bool:
    return _too_old(payment, clock.now())


@bug("whoever answers writes, lease or none", (settlement, "_apply"))
def token_is_ignored(batch: Any, answer: Any, payment: Any, order: Any) -> None:
    claim = replace(answer.claim, token=payment.lease_token)
    _apply(batch, replace(answer, claim=claim), payment, order)


@bug("stock goes back while another attempt may pay", (purposes, "let_go"))
def stock_returned_too_early(released: Any) -> None:
    session.flush()
    orders.return_stock(*released)


@bug("what came above the price is not booked", (receipts, "posted"))
def surplus_is_lost(receipt: Any, payment: Any, order: Any, said: Any) -> Any:
    applied = receipt.disposition == Disposition.APPLIED
    entries = _posted(receipt, payment, order, said)
    return [entry for entry in entries if not (applied and entry.event == "wallet_receipt")]


@bug("work is only rung for; nobody sweeps", (sweeper, "sweep"))
def nobody_sweeps() -> int:
    return 0


@bug("money for a failed attempt is dropped", (settlement, "_receive"))
def late_money_is_dropped(batch: Any, payment: Any, order: Any, source: str, said: Outcome) -> None:
    if payment.state is not PaymentStatus.FAILED:
        _receive(batch, payment, order, source, said)


@bug("a failed attempt is never asked about again", (payments, "_wait_s"))
def no_late_watch(payment: Any, heard_at: Any) -> float | None:
    return _wait_s(payment, heard_at) if payment.state is not PaymentStatus.FAILED else None


@bug("a last look that met silence was the last look", (payments, "_late_watch_s"))
def silence_is_a_look(failed_at: Any, heard_at: Any) -> float | None:
    return _late_watch_s(failed_at, heard_at or clock.now())


@bug("an attempt the buyer left is forgotten", (payments, "give_up"))
def given_up_is_forgotten(payment: Any) -> None:
    _give_up(payment)
    payment.next_check_at = None


@bug("less than asked pays the order", (settlement, "_judge"))
def short_is_enough(batch: Any, payment: Any, order: Any, said: Outcome) -> Note:
    note = _judge(batch, payment, order, said)
    if note is Note.SHORT and purposes.take(batch.things, payment) is None:
        return Note.EXACT
    return note


@bug("every tap of one form begins an attempt", (payments, "by_form_key"))
def form_key_is_ignored(form_key: str) -> None:
    return None


@bug("a second attempt begins while the first may still pay", (payments, "live_of"))
def two_attempts_at_once(purpose: Any, purpose_id: int) -> None:
    return None


@bug("the provider is called inside the transaction", (jobs, "_drain_payments"))
def called_in_transaction(claim_due: Any, ask: Any, *, submitted: bool) -> int:
    loaded = payments.providers()

    def lane(name: str) -> int:
        with transaction():
            claims = claim_due(name, 8)
            for claim in claims:
                _ask_one(loaded[name], claim, ask, submitted=submitted)
        return len(claims)

    return lanes.drive(ask.__name__, list(loaded), lane)


@bug("the receipt of a second success for one order is applied again", (settlement, "_judge"))
def paid_twice(batch: Any, payment: Any, order: Any, said: Outcome) -> Note:
    note = _judge(batch, payment, order, said)
    return Note.EXACT if note is Note.DOUBLE else note
