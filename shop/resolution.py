"""What no provider decides: two people end an attempt that waits for review (RELIABILITY B5).

The first says how it ends, the second says the same, and only then anything moves. Where the provider's
portal shows money that never reached us, its transaction becomes an answer like any other, on the one
road. Money that waits in suspense goes to the order, or to the payer's wallet.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from shop import clock, payment_notices, purposes
from shop.approvals import service as approvals
from shop.approvals.service import Subject, Voice
from shop.db import retrying, transaction
from shop.errors import Conflict, Refusal
from shop.ledger import chart, entries
from shop.ledger import service as ledger
from shop.ledger.chart import Account
from shop.money import Money
from shop.notices import service as notices
from shop.orders.models import Order
from shop.payments import by_hand, quick_state, reading
from shop.payments import service as payments
from shop.payments.models import Payment, Receipt
from shop.payments.service import Claim
from shop.payments.states import Disposition, PaymentStatus
from shop.providers.reasons import Reason
from shop.providers.values import Outcome, ProviderRejected, Status
from shop.purposes import Things
from shop.settlement import Answer, settle_payments
from shop.signals import payment_settled, tell

#: Longest name of a transaction that a receipt keeps.
MOST_SIGNS: Final = 80


class NotInReview(Conflict):
    """Only an attempt in review is decided by people; the others are decided by their provider."""

    code = "not_in_review"


class NotThatWay(Refusal):
    """This end is not possible; the sentence says what is."""

    code = "not_that_way"


@dataclass(frozen=True, slots=True)
class Verdict:
    """How two people say an attempt ended."""

    succeeded: bool
    transaction_ref: str = ""
    """The provider's id of the money, read on its portal; only for money we have no receipt of."""

    @property
    def words(self) -> str:
        """Everything that is decided: both people said exactly this."""
        return f"succeeded {self.transaction_ref}".strip() if self.succeeded else "failed"


def resolve(payment_id: int, verdict: Verdict, voice: Voice) -> bool:
    """Add one person's word; with the second person's the attempt ends. Say whether it ended now.

    Raises `NotInReview` or `NotThatWay`, and nothing is written then.
    """
    claim, ended = _decide(payment_id, verdict, voice)
    if claim is not None:
        return settle_payments([_answer(claim, verdict, voice)]) == 1
    if ended is None:
        return False
    quick_state.forget([ended])
    tell(payment_settled, ended)
    return True


@retrying
def _decide(payment_id: int, verdict: Verdict, voice: Voice) -> tuple[Claim | None, str | None]:
    """Hear one person under the locks; end the attempt here where its money is in suspense."""
    with transaction():
        things = purposes.locked([payment_id])
        payment = payments.locked([payment_id])[payment_id]
        if payment.state is not PaymentStatus.REVIEW:
            raise NotInReview(f"payment {payment.reference} is {payment.status}")
        held = in_suspense(payment)
        _refuse_impossible(payment, held, things, verdict)
        subject = Subject("payment", payment.reference)
        agreed = approvals.approve(subject, verdict.words, voice)
        words = f"{voice.name} says {verdict.words}: {voice.reason}"
        payments.note(payment, "staff", words=words)
        if not agreed:
            return None, None
        if not held:
            return by_hand.claim_alone(payment), None
        _end_with_held(payment, held, things, verdict)
        return None, payment.reference


def in_suspense(payment: Payment) -> Sequence[Receipt]:
    """The money this attempt brought that has no owner yet."""
    receipts = reading.receipts_of(payment.id)
    return [r for r in receipts if r.disposition == Disposition.SUSPENSE]


def _refuse_impossible(
    payment: Payment, held: Sequence[Receipt], things: Things, verdict: Verdict
) -> None:
    if not verdict.succeeded:
        return
    if not held and not verdict.transaction_ref:
        raise NotThatWay("no money is recorded: name the provider's transaction (--transaction)")
    if not held:
        _refuse_taken(payment, verdict.transaction_ref)
        return
    if verdict.transaction_ref:
        raise NotThatWay("its money is recorded already: leave --transaction out")
    pays = len(held) == 1 and held[0].currency == payment.currency
    if not pays or held[0].money < payment.money or not purposes.is_payable(things.of(payment)):
        raise NotThatWay(
            "what waits in suspense cannot pay this: as failed it goes to the payer's wallet"
        )


def _refuse_taken(payment: Payment, transaction_ref: str) -> None:
    """One transaction is booked once: a slip of the pen must not wait for the second person."""
    if len(transaction_ref) > MOST_SIGNS:
        raise NotThatWay("no provider names a transaction so long")
    if (payment.provider, transaction_ref) in payments.known_transactions([transaction_ref]):
        raise NotThatWay(f"transaction {transaction_ref} is booked already")


def _answer(claim: Claim, verdict: Verdict, voice: Voice) -> Answer:
    """Word what two people said as a provider would have."""
    words = f"two people, the second {voice.name}: {voice.reason}"
    said: Outcome | ProviderRejected = ProviderRejected(Reason.TIMEOUT, "staff", words)
    if verdict.succeeded:
        said = Outcome(
            Status.SUCCEEDED,
            amount=claim.collection.amount,
            transaction_ref=verdict.transaction_ref,
            words=words,
        )
    return Answer(claim, said, clock.now(), submitted=False, said_by="staff")


def _end_with_held(
    payment: Payment, held: Sequence[Receipt], things: Things, verdict: Verdict
) -> None:
    """Give what waits in suspense to what it was for, or to whoever paid it, and end the attempt."""
    thing = things.of(payment)
    if verdict.succeeded:
        if purposes.take(things, payment) is not None:
            raise NotThatWay("its articles are sold out: as failed it goes to the payer's wallet")
        purposes.mark_paid(things, payment, clock.now())
        _post(held[0], _targets(payment, held[0], things))
        purposes.finish(thing, held[0])
        payments.move(payment, PaymentStatus.SUCCEEDED, "staff", "two people agreed")
        notices.put_all(list(purposes.serve([(payment, thing)])))
        return
    for receipt in held:
        wallet = chart.wallet(receipt.user_id, receipt.currency)
        _post(receipt, [(wallet, receipt.money)])
    payment.reason = Reason.REFUSED
    payments.move(payment, PaymentStatus.FAILED, "staff", "two people agreed; money to the wallet")
    purposes.void_part(things, payment)
    purposes.let_go([thing])
    told = [m for receipt in held for m in payment_notices.given_back(payment, receipt, thing)]
    notices.put_all(told)


def _post(receipt: Receipt, targets: Sequence[tuple[Account, Money]]) -> None:
    ledger.post(entries.suspense_resolved(receipt.id, receipt.provider, targets))


def _targets(payment: Payment, receipt: Receipt, things: Things) -> list[tuple[Account, Money]]:
    """Share the money as an ordinary receipt would have been: sellers, method fee, the payer."""
    currency, targets, theirs = payment.currency, [], receipt.money - payment.fee
    if isinstance(things.of(payment), Order):
        shares = things.shares(payment)
        targets = [(chart.escrow(part, currency), share) for part, share in shares]
        theirs = receipt.money - payment.money
    targets.append((chart.income("method-fees", currency), payment.fee))
    targets.append((chart.wallet(receipt.user_id, currency), theirs))
    return [(account, amount) for account, amount in targets if amount]
