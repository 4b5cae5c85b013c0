"""Taking money out of a wallet: by which operators, and what is then asked of the payouts room."""

from __future__ import annotations

from shop import phone as phones
from shop.accounts.models import User
from shop.ledger import chart
from shop.money import Money
from shop.payouts import service as payouts
from shop.payouts.service import Intent
from shop.payouts.states import PayoutPurpose
from shop.providers import methods
from shop.providers.methods import Method


def ways_out(user: User, currency: str) -> list[Method]:
    """Give one way per operator to send money to this user's own number, the likeliest operator first."""
    rows = [m for m in methods.rows() if (m.country, m.currency) == (user.country, currency)]
    operators = dict.fromkeys(row.operator for row in rows)
    offered = [payouts.payout_methods(user.country, name, currency) for name in operators]
    guess = phones.guess_operator(user.phone)
    best = [ways[0] for ways in offered if ways]
    return sorted(best, key=lambda method: method.operator != guess)


def withdrawal(
    user: User, method: Method, amount: Money, *, form_key: str, language: str
) -> Intent:
    """Say what a withdrawal is: from the user's wallet to the user's own proven number."""
    assert user.verified_at is not None, "money goes to a proven number only (W7)"
    return Intent(
        purpose=PayoutPurpose.WITHDRAWAL,
        user_id=user.id,
        method=method,
        payee_phone=user.phone,
        amount=amount,
        source=chart.wallet(user.id, amount.currency),
        form_key=form_key,
        language=language,
    )
