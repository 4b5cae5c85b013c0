"""Which ledger accounts a wallet's own events move. Pure, like `entries`: nothing is queried here."""

from __future__ import annotations

from collections.abc import Sequence

from shop.ledger import chart
from shop.ledger.chart import Account
from shop.ledger.entries import Entry, Leg
from shop.money import Money

#: So much of each place in the books.
Amounts = Sequence[tuple[Account, Money]]


def top_up_receipt(
    receipt_id: int, provider: str, user_id: int, *, credited: Money, blocked: Money, fee: Money
) -> Entry:
    """A top-up arrived: what the wallet may hold, what is above a ceiling, what the method costs."""
    currency = credited.currency
    source = chart.float_at(provider, currency)
    parts = (
        ("wallet", chart.wallet(user_id, currency), credited),
        ("blocked", chart.blocked(user_id, currency), blocked),
        ("fee", chart.income("method-fees", currency), fee),
    )
    legs = [
        Leg(f"receipt:{receipt_id}:{name}", source, to, money) for name, to, money in parts if money
    ]
    return Entry("top_up_receipt", tuple(legs))


def unblocked(key: str, user_id: int, amount: Money) -> Entry:
    """There is room under the ceiling again: blocked money is available."""
    source = chart.blocked(user_id, amount.currency)
    leg = Leg(f"unblocked:{key}", source, chart.wallet(user_id, amount.currency), amount)
    return Entry("unblocked", (leg,))


def wallet_held(reference: str, sources: Amounts) -> Entry:
    """The wallet's part of an order is set apart: nobody spends it twice."""
    legs = [
        Leg(f"wallet-held:{reference}:{n}", source, chart.hold(reference, amount.currency), amount)
        for n, (source, amount) in enumerate(sources, start=1)
    ]
    return Entry("wallet_held", tuple(legs))


def wallet_posted(reference: str, targets: Amounts) -> Entry:
    """The order is paid: the part that was set apart is in the sellers' escrows."""
    legs = [
        Leg(f"wallet-posted:{reference}:{n}", chart.hold(reference, amount.currency), to, amount)
        for n, (to, amount) in enumerate(targets, start=1)
    ]
    return Entry("wallet_posted", tuple(legs))


def wallet_voided(reference: str, sources: Amounts) -> Entry:
    """The rest never came: what was set apart is where it was."""
    legs = [
        Leg(f"wallet-voided:{reference}:{n}", chart.hold(reference, amount.currency), to, amount)
        for n, (to, amount) in enumerate(sources, start=1)
    ]
    return Entry("wallet_voided", tuple(legs))


def cashback_granted(grant_id: int, amount: Money) -> Entry:
    """A sale ended well: we owe the buyer cashback."""
    spent = chart.expense("cashback", amount.currency)
    to = chart.cashback(grant_id, amount.currency)
    return Entry("cashback_granted", (Leg(f"cashback:{grant_id}", spent, to, amount),))


def cashback_expired(grant_id: int, moment: int, amount: Money) -> Entry:
    """Nobody spent it in time: it is owed no more."""
    source = chart.cashback(grant_id, amount.currency)
    back = chart.expense("cashback", amount.currency)
    key = f"cashback-expired:{grant_id}:{moment}"
    return Entry("cashback_expired", (Leg(key, source, back, amount),))


def cashback_returned(seller_order_id: int, refund_id: int, user_id: int, grants: Amounts) -> Entry:
    """What cashback paid and one refund brought back is cashback again, not money to withdraw."""
    legs = [
        Leg(
            f"cashback-returned:{seller_order_id}:{refund_id}:{n}",
            *(chart.wallet(user_id, amount.currency), grant, amount),
        )
        for n, (grant, amount) in enumerate(grants, start=1)
    ]
    return Entry("cashback_returned", tuple(legs))


def corrected(case: str, user_id: int, amount: Money) -> Entry:
    """Two people corrected a wallet: an opposite entry, beside what it corrects; nothing is edited."""
    wallet = chart.wallet(user_id, amount.currency)
    gives = amount.amount > 0
    source = chart.expense("corrections", amount.currency) if gives else wallet
    target = wallet if gives else chart.income("corrections", amount.currency)
    leg = Leg(f"correction:{user_id}:{case}", source, target, amount if gives else -amount)
    return Entry("wallet_corrected", (leg,))
