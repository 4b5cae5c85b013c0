"""The hand-over code: six digits that only the buyer sees, and gives at the door.

It is made from the order's reference with the site's own key, so that no table holds it: whoever reads
the database, or the seller's pages, learns nothing. Five wrong tries, and a person of staff looks.
"""

from __future__ import annotations

import hmac
from typing import Final

from shop.accounts.secrets import keyed
from shop.orders.models import SellerOrder

DIGITS: Final = 6
MOST_TRIES: Final = 5


def code_of(part: SellerOrder) -> str:
    """Give the code of a seller order: for its buyer's page and SMS, and nobody else's."""
    number = int(keyed("hand-over", f"{part.id}:{part.reference}"), 16)
    return f"{number % 10**DIGITS:0{DIGITS}}"


def fits(part: SellerOrder, typed: str) -> bool:
    """Compare what the seller typed, spaces aside, without telling by time how much of it was right."""
    digits = "".join(typed.split())
    return hmac.compare_digest(digits.encode(), code_of(part).encode())


def spaced(code: str) -> str:
    """Write a code as it is read aloud: `639 142`."""
    return f"{code[:3]} {code[3:]}"
