"""The chart of accounts: what kinds of ledger account there are, and which may not go below zero."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from shop.money import EXPONENTS


class Kind(StrEnum):
    """What a ledger account stands for (ARCHITECTURE §2, §7)."""

    FLOAT = "float"
    ESCROW = "escrow"
    WALLET = "wallet"
    HOLD = "hold"
    POT = "pot"
    GUARANTEE = "guarantee"
    RETENTION = "retention"
    ADVANCE = "advance"
    CAISSE = "caisse"
    RELIEF = "relief"
    DIVIDEND = "dividend"
    CASH = "cash"
    BLOCKED = "blocked"
    """A user's money above a legal ceiling: kept apart until there is room."""
    CASHBACK = "cashback"
    """One grant: spendable on orders until it expires, never withdrawn."""
    SUSPENSE = "suspense"
    DEBT = "debt"
    INCOME = "income"
    EXPENSE = "expense"


#: What we owe somebody in particular: locked while posting, with a balance the database keeps >= 0.
GUARDED: Final = frozenset(
    {
        *(Kind.ESCROW, Kind.WALLET, Kind.HOLD, Kind.BLOCKED, Kind.CASHBACK),
        # A tontine's: what a round collected, what a share brought, what the group keeps.
        *(Kind.POT, Kind.GUARANTEE, Kind.RETENTION, Kind.ADVANCE),
        *(Kind.CAISSE, Kind.RELIEF, Kind.DIVIDEND, Kind.CASH),
    }
)

#: Accounts whose natural side is the debit: what we have, what we are owed, what we spent.
DEBIT_SIDE: Final = frozenset({Kind.FLOAT, Kind.EXPENSE, Kind.DEBT})


@dataclass(frozen=True, slots=True, order=True)
class Account:
    """A place in the books: its kind, whose it is, and its one currency (L6)."""

    kind: Kind
    owner: str
    currency: str

    def __post_init__(self) -> None:
        assert self.currency in EXPONENTS, f"unknown currency {self.currency!r}"
        assert self.owner, "a ledger account belongs to something"
        assert ":" not in self.owner, "the code is split at its colons"

    @property
    def code(self) -> str:
        """The account's name: `wallet:42:XOF`."""
        return f"{self.kind}:{self.owner}:{self.currency}"

    @property
    def guarded(self) -> bool:
        """Say whether the account may never go below zero."""
        return self.kind in GUARDED

    @classmethod
    def from_code(cls, code: str) -> Account:
        """Read a code back."""
        kind, owner, currency = code.split(":")
        return cls(Kind(kind), owner, currency)


def float_at(provider: str, currency: str) -> Account:
    """Money a provider holds for us."""
    return Account(Kind.FLOAT, provider, currency)


def escrow(seller_order_id: int, currency: str) -> Account:
    """A buyer's money held for one seller order."""
    return Account(Kind.ESCROW, str(seller_order_id), currency)


def wallet(user_id: int, currency: str) -> Account:
    """What we owe a user."""
    return Account(Kind.WALLET, str(user_id), currency)


def hold(reference: str, currency: str) -> Account:
    """Money reserved: for a payout on its way, or for the rest of an order's payment."""
    return Account(Kind.HOLD, reference, currency)


def blocked(user_id: int, currency: str) -> Account:
    """A user's money above a legal ceiling."""
    return Account(Kind.BLOCKED, str(user_id), currency)


def cashback(grant_id: int, currency: str) -> Account:
    """What is left of one grant of cashback."""
    return Account(Kind.CASHBACK, str(grant_id), currency)


def suspense(provider: str, currency: str) -> Account:
    """Money received at a provider that has no owner yet."""
    return Account(Kind.SUSPENSE, provider, currency)


def income(source: str, currency: str) -> Account:
    """What we earned: `commission`, `method-fees`."""
    return Account(Kind.INCOME, source, currency)


def expense(purpose: str, currency: str) -> Account:
    """What we spent: `provider-fees`."""
    return Account(Kind.EXPENSE, purpose, currency)


def debt(user_id: int, currency: str) -> Account:
    """What a user owes us: money that left although we had given it back to the wallet."""
    return Account(Kind.DEBT, str(user_id), currency)


def pot(round_id: int, currency: str) -> Account:
    """What a tontine's round collected and has not paid yet."""
    return Account(Kind.POT, str(round_id), currency)


def exit_pot(share_id: int, currency: str) -> Account:
    """What the others catch up for a share that left: it repays the leaver."""
    return Account(Kind.POT, f"exit-{share_id}", currency)


def guarantee(share_id: int, currency: str) -> Account:
    """The guarantee deposit of a share."""
    return Account(Kind.GUARANTEE, str(share_id), currency)


def retention(share_id: int, currency: str) -> Account:
    """What was kept of a share's pot until the end."""
    return Account(Kind.RETENTION, str(share_id), currency)


def advance(share_id: int, currency: str) -> Account:
    """What was paid ahead for a share."""
    return Account(Kind.ADVANCE, str(share_id), currency)


def caisse(tontine_id: int, currency: str) -> Account:
    """A tontine's reserve and fines."""
    return Account(Kind.CAISSE, str(tontine_id), currency)


def relief(tontine_id: int, currency: str) -> Account:
    """A tontine's relief fund, never mixed with pots."""
    return Account(Kind.RELIEF, str(tontine_id), currency)


def dividend(cycle_id: int, currency: str) -> Account:
    """Discounts of a cycle's auctions, kept until its end."""
    return Account(Kind.DIVIDEND, str(cycle_id), currency)


def cash(contribution_id: int, currency: str) -> Account:
    """Cash a treasurer wrote down, set apart from the treasurer's wallet until it is confirmed."""
    return Account(Kind.CASH, str(contribution_id), currency)
