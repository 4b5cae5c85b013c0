"""What a seller's statement deducts: repayments of debts made before, and the share kept of this payout."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import sqlalchemy as sa

from shop import clock
from shop.db import in_transaction, session
from shop.debts import service as debts
from shop.debts.models import DebtRepayment
from shop.earnings.models import PayoutDeduction
from shop.earnings.planning import Debts, Plan, Repaid
from shop.errors import Conflict
from shop.money import Money, total
from shop.payouts.models import Payout


class DebtsChanged(Conflict):
    """What the seller owes changed while the payout was planned: the next look plans anew."""

    code = "debts_changed"


def debts_of(owner_id: int, currency: str) -> Debts:
    """Say what an owner owes, how much of a payout may go to it, and what was repaid unseen."""
    return Debts(
        owed=debts.owed(owner_id, currency),
        cap_bp=debts.cap_bp(clock.now().date()),
        repaid=[
            Repaid(one.id, one.debt.reference, Money(one.amount, currency))
            for one in debts.unstated(owner_id, currency)
        ],
    )


def recover(owner_id: int, plan: Plan) -> Sequence[DebtRepayment]:
    """Repay the oldest debts out of the wallet, by what the plan keeps; the rest is what is sent."""
    if not plan.recovered:
        return []
    made = debts.collect(owner_id, plan.amount.currency, plan.recovered)
    if total([Money(one.amount, plan.amount.currency) for one in made], plan.amount.currency) != (
        plan.recovered
    ):
        raise DebtsChanged(f"user {owner_id} owes something else now")
    return made


def write(payout: Payout, plan: Plan, recovered: Sequence[DebtRepayment]) -> None:
    """Put every deduction on the statement of a payout, as lines of their own."""
    rows = [
        *((one.repayment_id, one.amount.amount) for one in plan.deducted),
        *((one.id, one.amount) for one in recovered),
    ]
    if not rows:
        return
    session.execute(
        sa.insert(PayoutDeduction),
        [{"payout_id": payout.id, "repayment_id": id_, "amount": amount} for id_, amount in rows],
    )
    session.execute(
        sa.update(DebtRepayment)
        .where(DebtRepayment.id.in_([id_ for id_, _amount in rows]))
        .values(payout_id=payout.id)
    )


def came_back(payout_ids: Collection[int]) -> None:
    """Let the deductions of payouts that came back be on the next statement, as their orders are."""
    assert in_transaction(), "deductions return with the orders"
    session.execute(
        sa.update(DebtRepayment)
        .where(DebtRepayment.payout_id.in_(payout_ids))
        .values(payout_id=None)
    )
