"""Where a payout's outcome meets the money set apart for it: posted or returned, one of them, once.

One road in, as for payments: the first answer, a webhook, a poll, a command all end in `settle_payouts`.
A payout is asked for once. Whatever is not a clear answer leaves the money set apart and is asked about
again; it returns to the wallet only when it surely did not leave (W5).
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TypeAlias, assert_never

from sqlalchemy.exc import IntegrityError

from shop import clock, leases, payout_notices
from shop.accounts import service as accounts
from shop.db import retrying, session, transaction
from shop.debts import service as debts
from shop.debts.models import Source as DebtSource
from shop.earnings import service as earnings
from shop.ledger import entries
from shop.ledger import service as ledger
from shop.ledger.entries import Entry
from shop.money import Money
from shop.notices import service as notices
from shop.notices.service import Message
from shop.payouts import service as payouts
from shop.payouts.models import Payout
from shop.payouts.service import Claim, Intent
from shop.payouts.states import EDGES, OPEN, Evidence, PayoutPurpose, PayoutStatus
from shop.providers.reasons import Reason
from shop.providers.values import Outcome, ProviderRejected, ProviderUnavailable, Status
from shop.signals import payout_settled, tell

logger = logging.getLogger(__name__)

#: What came of asking about one leased payout.
Answer: TypeAlias = leases.Answer[Claim]


def start_payout(intent: Intent) -> Payout:
    """Set money apart and write its payout, in a transaction of its own. The caller rings afterwards.

    The same form key gives the first payout again (B4). Raises `InsufficientFunds`, `AmountRefused`, or
    `Conflict` when the form was used for something else; nothing is then written.
    """
    try:
        return _start(intent)
    except IntegrityError:
        # Two taps at the same instant: the unique key let one through, and both see it.
        if payouts.by_form_key(intent.form_key) is None:
            raise
        return _start(intent)


@retrying
def _start(intent: Intent) -> Payout:
    with transaction():
        return payouts.request(intent)


def settle_payouts(answers: Sequence[Answer]) -> int:
    """Record what providers said, each with its money, once; give how many payouts ended now.

    A batch that fails is replayed one by one, so that a poisoned row parks alone.
    """
    return leases.settle_in_batches(answers, lambda batch: len(_settle(batch)), _settle_alone)


def _settle_alone(answer: Answer) -> int:
    try:
        return len(_settle([answer]))
    except Exception:
        logger.exception("payout %s is parked", answer.claim.reference)
        with transaction():
            payout = payouts.locked([answer.claim.payout_id])[answer.claim.payout_id]
            leases.free(payout)
            payout.next_check_at = clock.after(600)
        return 0


def _settle(answers: Sequence[Answer]) -> list[str]:
    ended = _settle_in_transaction(answers)
    for reference in ended:
        tell(payout_settled, reference)
    return ended


@dataclass(slots=True)
class _Batch:
    """What a batch of answers reads at once before deciding, and writes at once afterwards."""

    payouts: dict[int, Payout]
    owners: dict[int, int]
    known: dict[tuple[str, str], int]
    """Transactions that carried out a payout, and which."""
    posted: list[Entry] = field(default_factory=list)
    returned: list[int] = field(default_factory=list)
    """Payouts whose money came back: what they carried is owed again."""
    late: list[tuple[Payout, Outcome]] = field(default_factory=list)
    messages: list[Message] = field(default_factory=list)


@retrying
def _settle_in_transaction(answers: Sequence[Answer]) -> list[str]:
    """Change payouts and books by these answers, all of it together or not at all."""
    with transaction():
        batch, ended = _locked(answers), []
        for answer in answers:
            payout = batch.payouts[answer.claim.payout_id]
            before = payout.state
            _apply(batch, answer, payout)
            if payout.settled_at is not None and payout.state is not before:
                ended.append(payout.reference)
        _write(batch)
        return ended


def _locked(answers: Sequence[Answer]) -> _Batch:
    """Lock payouts in id order (their wallets are locked by posting, after them: §5.4)."""
    rows = payouts.locked([answer.claim.payout_id for answer in answers])
    refs = [a.said.transaction_ref or "" for a in answers if isinstance(a.said, Outcome)]
    return _Batch(
        payouts=rows,
        owners=accounts.owner_ids({payout.user_id for payout in rows.values()}),
        known=payouts.known_transactions(refs),
    )


def _write(batch: _Batch) -> None:
    """Write states, books and messages: each kind at once."""
    session.flush()
    ledger.post_all(batch.posted)
    earnings.came_back(batch.returned)
    for payout, said in batch.late:
        _book_late(payout, batch.owners[payout.user_id], said)
    notices.put_all(batch.messages)


def _apply(batch: _Batch, answer: Answer, payout: Payout) -> None:
    """Change one payout by one answer."""
    if payout.lease_token != answer.claim.token:
        # Somebody else holds the payout now and will hear the same answer (J4).
        logger.info("payout %s: an expired lease said nothing", payout.reference)
        return
    leases.free(payout)
    said = answer.said
    if isinstance(said, ProviderRejected):
        _refused(batch, answer, payout, said)
    elif isinstance(said, ProviderUnavailable):
        _stay_unknown(batch, answer, payout, said)
    else:
        _follow(batch, answer, payout, said)
    if payouts.is_overdue(payout):
        _doubt(payout, "clock", "nobody could tell so far; a person asks the provider")
    retry_after_s = said.retry_after_s if isinstance(said, ProviderUnavailable) else None
    payouts.schedule(payout, heard_at=answer.heard_at, retry_after_s=retry_after_s)


def _refused(batch: _Batch, answer: Answer, payout: Payout, said: ProviderRejected) -> None:
    """A refused request moved nothing; a refused *question* tells nothing about the money."""
    words = f"{said.code} {said.message}"
    if answer.submitted:
        _return(batch, answer, payout, said.reason, words, Evidence.ANSWER)
    else:
        logger.error("payout %s: the question was refused: %s", payout.reference, said)
        payouts.note(payout, answer.source, asked_at=answer.asked_at, words=words)


def _stay_unknown(batch: _Batch, answer: Answer, payout: Payout, said: ProviderUnavailable) -> None:
    """Silence is not failure (D6), unless nothing ever left us."""
    if not answer.submitted:
        return
    if not said.sent:
        _return(batch, answer, payout, Reason.OPERATOR_DOWN, str(said), Evidence.UNSENT)
    elif payout.state is PayoutStatus.SENDING:
        payouts.move(payout, PayoutStatus.UNKNOWN, answer.source, str(said))


def _follow(batch: _Batch, answer: Answer, payout: Payout, said: Outcome) -> None:
    if said.contradiction and said.status is not Status.SUCCEEDED:
        logger.error(
            "payout %s: the answer contradicts its %s", payout.reference, said.contradiction
        )
        return
    payouts.remember(payout, said)
    match said.status:
        case Status.PENDING:
            if said.untouched:
                _miss(answer, payout, "made and never started")
            elif payout.state in (PayoutStatus.SENDING, PayoutStatus.UNKNOWN):
                payouts.move(payout, PayoutStatus.PENDING, answer.source, said.words)
                batch.messages.append(payout_notices.sent(payout))
        case Status.SUCCEEDED:
            _gone(batch, answer, payout, said)
        case Status.FAILED:
            _return(
                *(batch, answer, payout),
                *(said.reason or Reason.REFUSED, said.words, Evidence.ANSWER),
            )
        case Status.ABSENT if leases.provider_of(payout).can.payout_deduplicates:
            if _is_certainly_missing(answer, payout):
                words = f"absent: {said.words}"
                _return(batch, answer, payout, Reason.OPERATOR_DOWN, words, Evidence.ABSENT)
        case Status.ABSENT:
            # Where a reference is no key, not finding it proves too little to return money (W5).
            _miss(answer, payout, f"absent: {said.words}")
        case _:
            assert_never(said.status)


def _gone(batch: _Batch, answer: Answer, payout: Payout, said: Outcome) -> None:
    """Money left: post it, or book it as late when it had been given back; doubt what does not match."""
    assert said.transaction_ref, "a success names its transaction"
    transaction_key = (payout.provider, said.transaction_ref)
    if batch.known.get(transaction_key) == payout.id:
        return
    objection = _objection(batch, payout, said)
    if objection:
        _doubt(payout, answer.source, f"{objection}: {said.words}", answer.asked_at)
        return
    batch.known[transaction_key] = payout.id
    if payout.state is PayoutStatus.FAILED:
        payout.late_ref = said.transaction_ref
        batch.late.append((payout, said))
        words = f"left after it was given back: {said.words}"
        payouts.note(
            payout, answer.source, evidence=Evidence.ANSWER, asked_at=answer.asked_at, words=words
        )
        return
    fee = _fee(payout, said)
    payout.transaction_ref, payout.fee_amount = said.transaction_ref, fee.amount
    payouts.move(
        *(payout, PayoutStatus.SUCCEEDED, answer.source, said.words),
        evidence=Evidence.ANSWER, asked_at=answer.asked_at,
    )  # fmt: skip
    batch.posted.append(_gone_entry(payout, said))
    batch.messages.append(payout_notices.arrived(payout))


def _objection(batch: _Batch, payout: Payout, said: Outcome) -> str | None:
    """Say why a success cannot be this payout's, or None."""
    if said.contradiction:
        return f"another {said.contradiction}"
    if said.amount not in (None, payout.money):
        return f"{said.amount} instead of {payout.money}"
    if (payout.provider, said.transaction_ref or "") in batch.known:
        return "the transaction of another payout"
    if payout.state is PayoutStatus.SUCCEEDED or payout.late_ref is not None:
        return "a second transaction"
    return None


def _doubt(payout: Payout, source: str, words: str, asked_at: datetime | None = None) -> None:
    """Leave a payout to people, its money set apart; one that ended keeps its end."""
    logger.error("payout %s needs a person: %s", payout.reference, words)
    if PayoutStatus.REVIEW in EDGES[payout.state]:
        payouts.move(payout, PayoutStatus.REVIEW, source, words, asked_at=asked_at)
    else:
        payouts.note(payout, source, asked_at=asked_at, words=words)


def _return(
    batch: _Batch, answer: Answer, payout: Payout,
    reason: Reason, words: str, evidence: Evidence,
) -> None:  # fmt: skip
    """Give the money back to the wallet: the provider said no, or surely never heard of it."""
    if payout.state is PayoutStatus.FAILED:
        return
    if payout.state not in OPEN:
        # In review people decide; and after a success "failed" may be a reversal at the provider.
        _doubt(payout, answer.source, f"now said to have failed: {words}", answer.asked_at)
        return
    payout.reason = reason
    payouts.move(
        *(payout, PayoutStatus.FAILED, answer.source, words),
        evidence=evidence, asked_at=answer.asked_at,
    )  # fmt: skip
    batch.posted.append(_return_entry(payout, batch.owners[payout.user_id]))
    if payout.purpose == PayoutPurpose.SELLER_PAYOUT:
        batch.returned.append(payout.id)
    batch.messages.append(payout_notices.returned(payout))


def _miss(answer: Answer, payout: Payout, words: str) -> None:
    """Give what is missing, but might still be found, to people once time alone will not tell."""
    if _is_certainly_missing(answer, payout):
        _doubt(payout, answer.source, words, answer.asked_at)


def _is_certainly_missing(answer: Answer, payout: Payout) -> bool:
    """Say whether it was looked for so late that it can no longer be on its way; what was accepted
    once is not missing, whatever is said now."""
    is_lost = payout.state is PayoutStatus.UNKNOWN
    return is_lost and answer.asked_at >= leases.surely_visible_at(payout)


def _fee(payout: Payout, said: Outcome | None) -> Money:
    told = said.fee if said is not None else None
    return told if told and told.currency == payout.currency else Money(0, payout.currency)


def _gone_entry(payout: Payout, said: Outcome | None) -> Entry:
    fee = _fee(payout, said)
    return entries.payout_succeeded(payout.reference, payout.provider, payout.money, fee)


def _return_entry(payout: Payout, owner_id: int) -> Entry:
    """The wallet of whoever answers for the user now, wherever the money came from."""
    return entries.payout_failed(payout.reference, owner_id, payout.money)


def _book_late(payout: Payout, owner_id: int, said: Outcome) -> None:
    """Book money that left after its return: owed by the user, repaid as far as it is still there."""
    logger.error("payout %s left after its money was given back", payout.reference)
    fee = _fee(payout, said)
    ledger.post(entries.payout_late(payout.reference, payout.provider, owner_id, payout.money, fee))
    key = f"payout-late:{payout.reference}"
    debts.incur(owner_id, payout.money, debts.Cause(key, DebtSource.LATE_PAYOUT, payout.reference))
    debts.collect(owner_id, payout.currency)
    notices.put_all([payout_notices.late(payout)])
