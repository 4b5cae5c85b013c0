"""Correcting a wallet: two different people say the same, then an entry of its own says so for ever (I11)."""

from __future__ import annotations

import re
from typing import Final

from shop.approvals import service as approvals
from shop.approvals.service import Subject, Voice
from shop.db import retrying, transaction
from shop.errors import Refusal
from shop.ledger import service as ledger
from shop.ledger import wallet_entries
from shop.money import Money
from shop.wallets import ceilings

_CASE: Final = re.compile(r"[A-Za-z0-9-]{1,12}")


class NotACase(Refusal):
    """A correction names the case it belongs to: letters, digits and dashes, twelve at most."""

    code = "not_a_case"


@retrying
def correct(user_id: int, amount: Money, case: str, voice: Voice) -> bool:
    """Add one person's word; with the second person's the wallet gains, or loses, the amount, once.

    Say whether both have spoken. Raises `NotACase`, or `InsufficientFunds` when there is less to take.
    """
    if not _CASE.fullmatch(case):
        raise NotACase(f"{case!r} is no case")
    assert amount, "a correction of nothing corrects nothing"
    with transaction():
        ceilings.lock([user_id])
        subject = Subject("wallet", f"{user_id}:{case}")
        agreed = approvals.approve(subject, str(amount), voice)
        if agreed:
            ledger.post(wallet_entries.corrected(case, user_id, amount))
        return agreed
