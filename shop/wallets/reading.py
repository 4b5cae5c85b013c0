"""Reading a wallet: its balances, and each movement with the evidence behind it. The ledger knows it all."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import takewhile
from typing import Final

import sqlalchemy as sa

from shop.accounts import service as accounts
from shop.cashback import service as cashback
from shop.db import session
from shop.ledger import chart
from shop.ledger import reading as books
from shop.ledger import service as ledger
from shop.ledger.chart import Account, Kind
from shop.ledger.service import StatementLine
from shop.money import EXPONENTS, Money, total
from shop.payments.models import Payment, Receipt
from shop.payouts import reading as payouts
from shop.wallets.models import PartStatus, WalletPart

#: Movements read at once for a download.
CHUNK: Final = 500


@dataclass(frozen=True, slots=True)
class Purse:
    """One currency of a wallet. Its figures are never added together: each can do something else."""

    available: Money
    held: Money
    """Set apart for an order whose rest is being paid."""
    blocked: Money
    """Above a ceiling; available as soon as there is room."""
    on_its_way: Money
    """To a phone."""
    cashback: Money
    """To spend on orders before it expires; never withdrawn."""
    cashback_until: datetime | None

    @property
    def currency(self) -> str:
        """The currency of all."""
        return self.available.currency


def purses(user_id: int) -> list[Purse]:
    """Give every currency in which we ever owed this user something, the fullest first."""
    known = {
        money.currency
        for place in (chart.wallet, chart.blocked)
        for money in ledger.balances(place(user_id, currency) for currency in EXPONENTS)
    }
    ids = accounts.identities(user_id)
    leaving, held = payouts.in_flight(ids), _held(user_id)
    known |= held.keys() | cashback.currencies(ids)
    found = [_purse(user_id, ids, currency, leaving, held) for currency in known]
    return sorted(found, key=lambda purse: (-purse.available.amount, purse.currency))


def _purse(
    user_id: int,
    ids: Collection[int],
    currency: str,
    leaving: dict[str, Money],
    held: dict[str, Money],
) -> Purse:
    nothing, grants = Money(0, currency), cashback.living(ids, currency)
    return Purse(
        available=ledger.balance(chart.wallet(user_id, currency)),
        held=held.get(currency, nothing),
        blocked=ledger.balance(chart.blocked(user_id, currency)),
        on_its_way=leaving.get(currency, nothing),
        cashback=total([left for _grant, left in grants], currency),
        cashback_until=next((grant.expires_at for grant, _left in grants), None),
    )


def _held(user_id: int) -> dict[str, Money]:
    rows = session.execute(
        sa.select(WalletPart.currency, sa.func.sum(WalletPart.amount))
        .where(WalletPart.user_id == user_id, WalletPart.status == PartStatus.HELD)
        .group_by(WalletPart.currency)
    )
    return {currency: Money(int(amount), currency) for currency, amount in rows}


@dataclass(frozen=True, slots=True)
class Movement:
    """One line of a wallet's statement, and the public reference of what caused it."""

    line: StatementLine
    payment: str | None = None
    """Reference of the payment whose money this is."""
    payout: str | None = None
    """Reference of the payout that took it, or brought it back."""
    order: str | None = None
    """Reference of the order it was spent on, or came back from."""
    sale: str | None = None
    """Reference of the seller order that earned it."""
    circle: tuple[str, str] | None = None
    """Reference and name of the tontine it went to, or came from."""

    @property
    def reference(self) -> str:
        """Whatever opens its evidence; empty where the line is its own."""
        circle = self.circle[0] if self.circle else ""
        return self.payment or self.payout or self.order or self.sale or circle


@dataclass(frozen=True, slots=True)
class Statement:
    """Some movements, newest first, and where the next page begins."""

    movements: Sequence[Movement]
    next_id: int | None


def statement(
    user_id: int, currency: str, *, before_id: int | None = None, limit: int = 20
) -> Statement:
    """List a wallet's movements, each with the balance it left and what caused it."""
    lines = ledger.statement(chart.wallet(user_id, currency), limit=limit + 1, before_id=before_id)
    shown = lines[:limit]
    return Statement(
        explained(user_id, shown), shown[-1].transfer_id if len(lines) > limit else None
    )


def whole_statement(
    user_id: int, currency: str, *, before_id: int | None = None
) -> Iterator[Movement]:
    """Give every movement, newest first, in chunks that a small server can hold."""
    while True:
        page = statement(user_id, currency, before_id=before_id, limit=CHUNK)
        yield from page.movements
        if page.next_id is None:
            return
        before_id = page.next_id


def held_parts(limit: int = 200) -> Sequence[WalletPart]:
    """List the parts of orders that wait for the rest, the longest waiting first: for staff."""
    query = sa.select(WalletPart).where(WalletPart.status == PartStatus.HELD)
    return session.scalars(query.order_by(WalletPart.id).limit(limit)).all()


def blocked_accounts(limit: int = 200) -> list[Account]:
    """List the accounts of money above a ceiling: for staff."""
    return books.positive(Kind.BLOCKED, limit)


def balance_at(user_id: int, currency: str, at: datetime) -> Money:
    """Say what was available at a moment: everything posted until then, that instant included."""
    return books.balance_at(chart.wallet(user_id, currency), at)


def place_at(at: datetime) -> int:
    """Give the id before which statements list what was posted until a moment."""
    return books.first_id_after(at)


@dataclass(frozen=True, slots=True)
class Period:
    """A statement to print: what was there, every movement oldest first, what is there."""

    since: datetime
    until: datetime
    opening: Money
    movements: Sequence[Movement]
    closing: Money


def period(user_id: int, currency: str, since: datetime, until: datetime) -> Period:
    """Give the statement of a period, `until` excluded: opening + movements = closing, to the franc."""
    newest = whole_statement(user_id, currency, before_id=books.first_id_from(until))
    found = list(takewhile(lambda movement: movement.line.at >= since, newest))[::-1]
    closing = (
        found[-1].line.balance
        if found
        else books.balance_before(chart.wallet(user_id, currency), until)
    )
    moved = total([movement.line.moved for movement in found], currency)
    return Period(since, until, closing - moved, found, closing)


def explained(user_id: int, lines: Sequence[StatementLine]) -> list[Movement]:
    """Give each line the reference of what caused it, looked up for all of them at once."""
    subjects: dict[str, set[str]] = {}
    for line in lines:
        kind, subject = _cause(line)
        subjects.setdefault(kind, set()).add(subject)
    payments = _payments_of({int(one) for one in subjects.get("receipt", ())})
    orders = _orders_of(subjects.get("part", ()))
    sales = _sales_of({int(one) for one in subjects.get("sale", ())}, user_id)
    circles = {
        kind: _circles_of(kind, {int(one) for one in subjects.get(kind, ())}) for kind in _CIRCLES
    }
    found = []
    for line in lines:
        kind, subject = _cause(line)
        match kind:
            case "receipt":
                found.append(Movement(line, payment=payments.get(int(subject))))
            case "payout":
                found.append(Movement(line, payout=subject))
            case "part":
                found.append(Movement(line, order=orders.get(subject)))
            case "sale":
                order, sale = sales.get(int(subject), (None, None))
                found.append(Movement(line, order=order, sale=sale))
            case "contribution" | "pot":
                found.append(Movement(line, circle=circles[kind].get(int(subject))))
            case _:
                found.append(Movement(line))
    return found


#: What the first word of a key names.
_CAUSES: Final = {
    "receipt": "receipt", "suspense": "receipt", "wallet-held": "part", "wallet-voided": "part",
    "contribution": "contribution", "cash": "contribution", "cash-back": "contribution",
    "tontine-line": "pot", "release": "sale", "refund": "sale", "split": "sale", "cashback-returned": "sale",
}  # fmt: skip


def _cause(line: StatementLine) -> tuple[str, str]:
    """Read from a key what kind of thing caused a line, and which."""
    word, _colon, rest = line.key.partition(":")
    subject = rest.partition(":")[0]
    if word.startswith("payout-"):
        return "payout", subject
    kind = _CAUSES.get(word, "")
    if word == "refund" and not line.event.startswith("escrow"):
        kind = ""  # a refund that no provider could carry: its row is the evidence
    return kind, subject


def _payments_of(receipt_ids: Collection[int]) -> dict[int, str]:
    """Say which payment brought each receipt: {receipt id: payment reference}."""
    if not receipt_ids:
        return {}
    rows = session.execute(
        sa.select(Receipt.id, Payment.reference)
        .join(Payment, Payment.id == Receipt.payment_id)
        .where(Receipt.id.in_(receipt_ids))
    )
    return dict(iter(rows))


def _orders_of(references: Collection[str]) -> dict[str, str]:
    """Say which order each part paid: {part reference: order reference}."""
    if not references:
        return {}
    # The room of orders is on this floor too: its rows are read by name, as the checks do.
    query = sa.text(
        'SELECT w.reference, o.reference FROM wallet_part w JOIN "order" o ON o.id = w.order_id'
        " WHERE w.reference IN :references"
    ).bindparams(sa.bindparam("references", expanding=True))
    return dict(iter(session.execute(query, {"references": list(references)})))


#: How a contribution, or a line that left a pot, leads to its circle.
_CIRCLES: Final = {
    "contribution": "tontine_contribution x",
    "pot": "tontine_line x JOIN tontine_turn u ON u.id = x.turn_id"
    " JOIN tontine_round r ON r.id = u.round_id",
}


def _circles_of(kind: str, ids: Collection[int]) -> dict[int, tuple[str, str]]:
    """Say which circle each contribution, or each line of a pot, belongs to: {id: (reference, name)}."""
    if not ids:
        return {}
    cycle = "x.cycle_id" if kind == "contribution" else "r.cycle_id"
    query = sa.text(
        f"SELECT x.id, t.reference, t.name FROM {_CIRCLES[kind]} JOIN tontine_cycle c ON c.id = {cycle}"  # noqa: S608 -- words of this file
        " JOIN tontine t ON t.id = c.tontine_id WHERE x.id IN :ids"
    ).bindparams(sa.bindparam("ids", expanding=True))
    return {row[0]: (row[1], row[2]) for row in session.execute(query, {"ids": list(ids)})}


def _sales_of(ids: Collection[int], user_id: int) -> dict[int, tuple[str | None, str | None]]:
    """Say of each seller order what its wallet's owner may open: the order as buyer, the sale as seller."""
    if not ids:
        return {}
    query = sa.text(
        "SELECT s.id, s.reference AS sale, o.reference AS bought, t.owner_id FROM seller_order s"
        ' JOIN "order" o ON o.id = s.order_id JOIN store t ON t.id = s.store_id WHERE s.id IN :ids'
    ).bindparams(sa.bindparam("ids", expanding=True))
    rows = session.execute(query, {"ids": list(ids)})
    return {r.id: (None, r.sale) if r.owner_id == user_id else (r.bought, None) for r in rows}
