"""Signals at the edge, for people who extend the shop; nothing inside the house listens to them.

Each is sent after the commit, with a reference as the sender: look the rest up.
"""

from __future__ import annotations

from typing import Final

from blinker import Namespace

_cauri = Namespace()

#: A payment reached its end. Sender: the payment's reference.
payment_settled: Final = _cauri.signal("payment-settled")
#: A payout reached its end. Sender: the payout's reference.
payout_settled: Final = _cauri.signal("payout-settled")
#: A webhook was stored. Sender: the provider's name.
webhook_received: Final = _cauri.signal("webhook-received")
