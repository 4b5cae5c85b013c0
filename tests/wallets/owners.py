"""People with a wallet, and what they do with it, in one line each."""

from __future__ import annotations

from shop import jobs, references, settlement, wallet_parts
from shop.accounts.models import User
from shop.db import session
from shop.ledger import chart
from shop.ledger import service as ledger
from shop.money import Money
from shop.orders.models import Order
from shop.payments.models import Payment
from shop.payments.service import Intent
from shop.payments.states import Purpose
from shop.providers import methods
from shop.wallets import service as wallets
from shop.wallets.models import PartStatus, TopUp, WalletPart
from tests.street import Street


def francs(amount: int) -> Money:
    """Say an amount in francs."""
    return Money(amount, "XOF")


def available(user: User) -> int:
    """Read what a wallet holds."""
    session.rollback()
    return ledger.balance(chart.wallet(user.id, "XOF")).amount


def top_up(street: Street, user: User, amount: int, method: str = "wave-ci") -> Payment:
    """Ask for a top-up and let the worker send it."""
    wanted = wallets.begin_top_up(user, francs(amount), f"form-{references.new()}")
    return attempt(street, wanted, method)


def attempt(street: Street, wanted: TopUp, method: str = "wave-ci") -> Payment:
    """Begin an attempt for a top-up and let the worker send it."""
    payment = settlement.start_payment(
        Intent(
            purpose=Purpose.TOP_UP,
            purpose_id=wanted.id,
            user_id=wanted.user_id,
            method=methods.get(method),
            payer_phone=street.fresh_phone(method),
            owed=wanted.total,
            form_key=f"form-{references.new()}",
        )
    )
    jobs.run("submit_payments")
    return street.again(payment)


def mixed(street: Street, order: Order, beside: int, method: str = "wave-ci") -> Payment:
    """Pay an order by mobile money, with a part from the wallet, and let the worker send it."""
    part = francs(beside)
    payment = settlement.start_payment(
        Intent(
            purpose=Purpose.ORDER,
            purpose_id=order.id,
            user_id=order.user_id,
            method=methods.get(method),
            payer_phone=street.fresh_phone(method),
            owed=order.total - part,
            from_wallet=part,
            form_key=f"form-{references.new()}",
        )
    )
    jobs.run("submit_payments")
    return street.again(payment)


def part_of(order: Order) -> WalletPart:
    """Give the latest part of an order."""
    session.rollback()
    query = session.query(WalletPart).filter_by(order_id=order.id)
    return query.order_by(WalletPart.id.desc()).first()


def is_voided(order: Order) -> bool:
    """Say whether nothing of an order is held or paid by a wallet."""
    session.rollback()
    return part_of(order).status == PartStatus.VOIDED and not wallet_parts.living_of(order.id)
