"""Signals at the edge, for people who extend the shop; nothing inside the house listens to them.

Each is sent after the commit, with a reference as the sender: look the rest up. A listener that fails is
logged and harms nobody: see docs/extending.md.
"""

from __future__ import annotations

import logging
from typing import Final

from blinker import NamedSignal, Namespace

logger = logging.getLogger(__name__)

_cauri = Namespace()

#: A payment reached its end. Sender: the payment's reference.
payment_settled: Final = _cauri.signal("payment-settled")
#: A payout reached its end. Sender: the payout's reference.
payout_settled: Final = _cauri.signal("payout-settled")
#: A webhook was stored. Sender: the provider's name.
webhook_received: Final = _cauri.signal("webhook-received")


def tell(signal: NamedSignal, sender: str) -> None:
    """Send a signal to every listener, whatever the ones before did."""
    for listener in signal.receivers_for(sender):
        try:
            listener(sender)
        except Exception:
            logger.exception("a listener of %s failed", signal.name)
