"""An operator takes back what it had confirmed: the books follow, releases freeze, both sides are told (F8).

No provider of ours tells it by an answer we could fetch; its portal or its letter does. So two people say
it, and all of it happens in one transaction: the float loses the money at once, since it is gone. Whoever
has the good of it owes it: a seller who was paid, by the policy; else the buyer, whose escrow is frozen
in a dispute until people know where the goods are, and repays that debt if it goes back.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import sqlalchemy as sa

from shop import clock, payment_notices, purposes
from shop.accounts import service as accounts
from shop.approvals import service as approvals
from shop.approvals.service import Subject, Voice
from shop.db import retrying, session, transaction
from shop.debts import service as debts
from shop.debts.models import Source
from shop.errors import Conflict
from shop.ledger import chart, entries
from shop.ledger import service as ledger
from shop.ledger.chart import Account
from shop.money import Money
from shop.notices import service as notices
from shop.orders import disputes, fulfilment, refund_rows, refunding
from shop.orders.fulfilment import By
from shop.orders.models import Order, SellerOrder
from shop.orders.policy import Cause
from shop.orders.refund_models import Source as RefundSource
from shop.orders.refund_rows import Why
from shop.orders.states import Actor, Escrow, Stage
from shop.payments import service as payments
from shop.payments.choice_models import ReceiptReversal
from shop.payments.models import Payment, Receipt
from shop.payments.states import Disposition
from shop.purposes import Things


class NothingToReverse(Conflict):
    """No money came through this attempt, or the operator took all of it back before."""

    code = "nothing_to_reverse"


@retrying
def reverse(payment_id: int, voice: Voice) -> bool:
    """Say as one person that the operator took a payment back; with the second person's word it is booked.

    Gives whether it was booked now. Raises `NothingToReverse`.
    """
    with transaction():
        things = purposes.locked([payment_id])
        payment = payments.locked([payment_id])[payment_id]
        found = _standing(payment)
        if not found:
            raise NothingToReverse(f"payment {payment.reference}: nothing stands")
        codes = " ".join(receipt.code for receipt in found)
        if not approvals.approve(Subject("payment", payment.reference), f"reversed {codes}", voice):
            return False
        words = f"{voice.reason.strip()} ({voice.person.strip()})"
        for receipt in found:
            session.add(ReceiptReversal(receipt_id=receipt.id, at=clock.now(), words=words[:200]))
            session.flush()
            _Taking(receipt, payment, things, words).back()
        payments.note(payment, "staff", words=f"taken back by the operator: {words}")
        notices.put_all(list(payment_notices.reversed_(payment, things.of(payment))))
        return True


def _standing(payment: Payment) -> list[Receipt]:
    """List the receipts of an attempt that were not taken back."""
    gone = sa.exists().where(ReceiptReversal.receipt_id == Receipt.id)
    query = sa.select(Receipt).where(Receipt.payment_id == payment.id, ~gone)
    return list(session.scalars(query.order_by(Receipt.id)))


@dataclass(slots=True)
class _Taking:
    """One receipt that is taken back, and what is still to be explained of it."""

    receipt: Receipt
    payment: Payment
    things: Things
    words: str
    left: Money = field(init=False)
    frozen: list[SellerOrder] = field(init=False, default_factory=list)

    def back(self) -> None:
        """Let the float lose the money, and say who owes it."""
        self.left = self.receipt.money
        match Disposition(self.receipt.disposition):
            case Disposition.SUSPENSE:
                provider = self.receipt.provider
                self._post("suspense", chart.suspense(provider, self.left.currency), self.left)
                return
            case Disposition.APPLIED:
                if isinstance(self.things.of(self.payment), Order):
                    # A sale answers for what this attempt paid of it, not for a wallet's part.
                    for part_id, share in sorted(self.things.shares(self.payment)):
                        self._of_sale(fulfilment.locked(SellerOrder.id == part_id), share)
                fees = chart.income("method-fees", self.left.currency)
                self._post("fee", fees, min(self.payment.fee, self.left))
            case _:
                pass
        self._owed_by_payer()

    def _of_sale(self, part: SellerOrder, share: Money) -> None:
        """Charge a paid seller by the policy; what is still held, or went back, is the payer's to repay."""
        if part.escrow in (Escrow.RELEASED, Escrow.SPLIT):
            rest = min(refund_rows.left(part, Cause.REVERSED), share)
            if rest:
                self._of_seller(part, rest)
        elif part.escrow == Escrow.HELD:
            self.frozen.append(part)

    def _of_seller(self, part: SellerOrder, rest: Money) -> None:
        shares = refund_rows.planned(part, rest, Cause.REVERSED)
        key = f"reversal:{self.receipt.code}:{part.reference}"
        why = Why(key, Cause.REVERSED, Actor.STAFF, words=self.words)
        row = refund_rows.write(part, shares, RefundSource.REVERSAL, why)
        refunding.post(part, row, shares, self._float())
        words = f"{rest.to_wire()} {self.words}"
        fulfilment.note(part, By(Actor.PAYMENT, words=words), "part_refunded")
        self.left -= shares.buyer

    def _owed_by_payer(self) -> None:
        payer, currency = accounts.owner_id(self.receipt.user_id), self.receipt.currency
        if self.left:
            self._post("payer", chart.debt(payer, currency), self.left)
            cause = debts.Cause(
                f"reversal:{self.receipt.id}", Source.REVERSAL, self.payment.reference
            )
            debts.incur(payer, self.left, cause)
        for part in self.frozen:
            self._freeze(part)
        debts.collect(payer, currency)

    def _freeze(self, part: SellerOrder) -> None:
        """Cancel what nobody accepted; freeze what is on its way, and call a person."""
        if part.disputed_at is not None:
            return
        if part.state is Stage.TO_ACCEPT:
            by = By(Actor.STAFF, words=self.words)
            why = Why(f"closing:{part.reference}", Cause.REVERSED, Actor.STAFF, words=self.words)
            fulfilment.close(part, Stage.CANCELLED, by, why)
            return
        disputes.freeze_for_reversal(part, self.words)

    def _post(self, name: str, source: Account, amount: Money) -> None:
        if not amount:
            return
        ledger.post(entries.receipt_reversed(self.receipt.id, name, source, self._float(), amount))
        if name != "payer":
            self.left -= amount

    def _float(self) -> Account:
        return chart.float_at(self.receipt.provider, self.receipt.currency)
