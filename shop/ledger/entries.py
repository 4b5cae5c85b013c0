"""Which ledger accounts each business event moves (ARCHITECTURE §7). Pure: nothing is queried here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from shop.ledger import chart
from shop.ledger.chart import Account
from shop.money import Money


@dataclass(frozen=True, slots=True)
class Leg:
    """One transfer to be: its unique key, where from, where to, how much."""

    key: str
    debit: Account
    credit: Account
    amount: Money

    def __post_init__(self) -> None:
        assert self.amount.amount > 0, "a transfer moves a positive amount"
        assert self.debit.currency == self.credit.currency == self.amount.currency


@dataclass(frozen=True, slots=True)
class Entry:
    """Everything one event moves, all of it or none."""

    event: str
    legs: tuple[Leg, ...]


def order_receipt(
    receipt_id: int, provider: str, shares: Sequence[tuple[int, Money]], method_fee: Money
) -> Entry:
    """A payment for an order arrived: each seller order's escrow, and what the method costs the buyer."""
    currency = method_fee.currency
    source = chart.float_at(provider, currency)
    legs = [
        Leg(f"receipt:{receipt_id}:{n}", source, chart.escrow(seller_order, currency), share)
        for n, (seller_order, share) in enumerate(shares, start=1)
    ]
    if method_fee:
        fees = chart.income("method-fees", currency)
        legs.append(Leg(f"receipt:{receipt_id}:fee", source, fees, method_fee))
    return Entry("order_receipt", tuple(legs))


def wallet_receipt(receipt_id: int, provider: str, user_id: int, amount: Money) -> Entry:
    """A top-up, or money that came late, twice, short or over: it is the payer's."""
    wallet = chart.wallet(user_id, amount.currency)
    leg = Leg(
        f"receipt:{receipt_id}:wallet", chart.float_at(provider, amount.currency), wallet, amount
    )
    return Entry("wallet_receipt", (leg,))


def suspense_receipt(receipt_id: int, provider: str, amount: Money) -> Entry:
    """Money arrived that nobody can be given yet."""
    source = chart.float_at(provider, amount.currency)
    target = chart.suspense(provider, amount.currency)
    return Entry(
        "suspense_receipt", (Leg(f"receipt:{receipt_id}:suspense", source, target, amount),)
    )


def suspense_resolved(
    receipt_id: int, provider: str, targets: Sequence[tuple[Account, Money]]
) -> Entry:
    """People decided whose the money of a receipt is: it leaves suspense, to the last franc."""
    legs = [
        Leg(f"suspense:{receipt_id}:{n}", chart.suspense(provider, amount.currency), to, amount)
        for n, (to, amount) in enumerate(targets, start=1)
    ]
    return Entry("suspense_resolved", tuple(legs))


def receipt_fee(receipt_id: int, provider: str, fee: Money) -> Entry:
    """The provider kept its fee out of what it collected."""
    spent = chart.expense("provider-fees", fee.currency)
    source = chart.float_at(provider, fee.currency)
    return Entry("receipt_fee", (Leg(f"receipt-fee:{receipt_id}", spent, source, fee),))


def receipt_reversed(
    receipt_id: int, name: str, source: Account, target: Account, amount: Money
) -> Entry:
    """The operator took back what it had collected: the float loses it, `source` bears it."""
    leg = Leg(f"reversal:{receipt_id}:{name}", source, target, amount)
    return Entry("receipt_reversed", (leg,))


def wallet_claimed(guest_id: int, user_id: int, amount: Money) -> Entry:
    """A guest proved the number: what we owed the guest is owed to the user."""
    leg = Leg(
        f"claim:{guest_id}:{amount.currency}",
        chart.wallet(guest_id, amount.currency),
        chart.wallet(user_id, amount.currency),
        amount,
    )
    return Entry("wallet_claimed", (leg,))


def escrow_shared(
    word: str,
    seller_order_id: int,
    *,
    seller: tuple[int, Money],
    kept: Money,
    buyer: tuple[int, Money],
    fee: Money | None = None,
) -> Entry:
    """An escrow is closed: the seller's part, our commission, the buyer's part, as `word` says.

    `fee` is what of the operator's fee we give back beside it.

    `word` is `release`, `refund` or `split`: it begins the keys. Parts of nothing make no transfer.
    """
    source = chart.escrow(seller_order_id, kept.currency)
    parts = (
        ("seller", chart.wallet(seller[0], kept.currency), seller[1]),
        ("commission", chart.income("commission", kept.currency), kept),
        ("buyer", chart.wallet(buyer[0], kept.currency), buyer[1]),
    )
    legs = [
        Leg(f"{word}:{seller_order_id}:{name}", source, target, amount)
        for name, target, amount in parts
        if amount
    ]
    if fee:
        kept_fee, wallet = chart.income("method-fees", fee.currency), parts[2][1]
        legs.append(Leg(f"{word}:{seller_order_id}:fee", kept_fee, wallet, fee))
    return Entry(f"escrow_{word}", tuple(legs))


def payout_requested(reference: str, source: Account, amount: Money) -> Entry:
    """Money is set apart for a payout: whoever spends next does not find it any more."""
    hold = chart.hold(reference, amount.currency)
    return Entry("payout_requested", (Leg(f"payout-requested:{reference}", source, hold, amount),))


def payout_succeeded(reference: str, provider: str, amount: Money, fee: Money) -> Entry:
    """A payout reached its payee: the provider holds that much less for us, and its fee."""
    target = chart.float_at(provider, amount.currency)
    hold = chart.hold(reference, amount.currency)
    legs = [Leg(f"payout-succeeded:{reference}", hold, target, amount)]
    if fee:
        spent = chart.expense("provider-fees", fee.currency)
        legs.append(Leg(f"payout-fee:{reference}", spent, target, fee))
    return Entry("payout_succeeded", tuple(legs))


def payout_failed(reference: str, user_id: int, amount: Money) -> Entry:
    """A payout will not reach its payee: the money is the user's again, wherever it came from."""
    hold = chart.hold(reference, amount.currency)
    wallet = chart.wallet(user_id, amount.currency)
    return Entry("payout_failed", (Leg(f"payout-failed:{reference}", hold, wallet, amount),))


def payout_late(reference: str, provider: str, user_id: int, amount: Money, fee: Money) -> Entry:
    """A payout left after all, when its money had been given back: the user owes it to us."""
    owed = chart.debt(user_id, amount.currency)
    left = chart.float_at(provider, amount.currency)
    legs = [Leg(f"payout-late:{reference}", owed, left, amount)]
    if fee:
        spent = chart.expense("provider-fees", fee.currency)
        legs.append(Leg(f"payout-fee:{reference}", spent, left, fee))
    return Entry("payout_late", tuple(legs))


def debt_collected(key: str, user_id: int, amount: Money) -> Entry:
    """A user repays, out of the wallet, what we had advanced."""
    wallet, owed = chart.wallet(user_id, amount.currency), chart.debt(user_id, amount.currency)
    return Entry("debt_collected", (Leg(key, wallet, owed, amount),))


def order_refunded(
    refund_id: int, target: Account, sources: Sequence[tuple[str, Account, Money]]
) -> Entry:
    """A sale, or a part of it, goes back: from whoever bears which part. Parts of nothing move nothing."""
    legs = [
        Leg(f"order-refund:{refund_id}:{name}", source, target, amount)
        for name, source, amount in sources
        if amount
    ]
    return Entry("order_refund", tuple(legs))


def refund_to_wallet(refund_id: int, source: Account, user_id: int, amount: Money) -> Entry:
    """A refund that no provider can carry back: it is in the payer's wallet at once."""
    wallet = chart.wallet(user_id, amount.currency)
    return Entry("refund", (Leg(f"refund:{refund_id}", source, wallet, amount),))


def tontine(event: str, key: str, moves: Sequence[tuple[Account, Account, Money]]) -> Entry:
    """What one event of a tontine moves, in the order in which its preview showed it."""
    legs = [Leg(f"{key}:{n}", *move) for n, move in enumerate(moves, start=1)]
    return Entry(f"tontine_{event}", tuple(legs))
