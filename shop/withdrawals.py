"""Where a withdrawal meets the ceilings: one after another for one person, to a proven number (W6, W7)."""

from __future__ import annotations

from sqlalchemy.exc import IntegrityError

from shop.accounts import service as accounts
from shop.db import retrying, transaction
from shop.errors import Refusal
from shop.payouts import service as payouts
from shop.payouts.models import Payout
from shop.payouts.service import Intent
from shop.wallets import ceilings
from shop.wallets import service as wallets


class NumberWaits(Refusal):
    """Money goes to a number proven at least a day ago."""

    code = "number_waits"


def start(intent: Intent) -> Payout:
    """Set a withdrawal apart under the ceilings, in a transaction of its own. The caller rings.

    The same form key gives the first payout again (B4). Raises `AboveCeiling`, `NumberWaits`,
    `InsufficientFunds` or `AmountRefused`; nothing is then written.
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
        ceilings.lock([intent.user_id])
        if payouts.by_form_key(intent.form_key) is None:
            user = accounts.by_id(intent.user_id)
            if not wallets.usable_number(user, intent.payee_phone):
                raise NumberWaits("this number was not proven a day ago")
            ceilings.refuse_withdrawal(user, intent.amount)
        return payouts.request(intent)
