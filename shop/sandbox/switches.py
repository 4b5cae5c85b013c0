"""What providers do differently from one day or country to the next: one choice each, kept."""

from __future__ import annotations

from typing import Final

from shop.sandbox.book import Book

#: Name -> what may be chosen; the first is the default. Notes of each provider say who saw what.
CHOICES: Final = {
    # Wave's nested error envelope is the only one some clients ever met.
    "wave.errors": ("plain", "nested"),
    "wave.webhook": ("signed", "shared_secret"),
    # A payout is most often ended by its first answer; "processing" is documented too.
    "wave.payout": ("at_once", "processing"),
    # MTN's two pages contradict each other on the verb of callbacks.
    "mtn.callback": ("POST", "PUT"),
    "mtn.reason": ("text", "object"),
    "mtn.failures": ("later", "at_once"),
    "orange.expires_in": ("text", "number"),
    # Moov's waiting push: 100, or 95 with "pending" in its description.
    "moov.waiting": ("100", "95"),
    # Whether a transfer can be looked up, and what a repeated id does, is written nowhere.
    "moov.transfers": ("unknown", "told"),
    "moov.repeated": ("again", "refused"),
    "moov.bad_token": ("98", "8"),
    # FedaPay's reference pages show bare objects, its libraries' captures show envelopes.
    "fedapay.objects": ("wrapped", "bare"),
    # Captures of 2020 hold no payment_url: the token is asked for.
    "fedapay.payment_url": ("given", "asked"),
    # CinetPay's guide of 2021: a check without amount or status, a notification of two fields.
    "cinetpay.check": ("new", "old"),
    "cinetpay.notification": ("signed", "two_fields"),
    "feexpay.webhook": ("unsigned", "guide"),
    "feexpay.pending": ("PENDING", "IN PENDING STATE"),
    "feexpay.status": ("plain", "in_data"),
    "feexpay.amount": ("number", "text", "missing"),
    # Moov Benin through FeexPay may say its last word in the first answer.
    "feexpay.moov": ("later", "at_once"),
    "feexpay.payouts": ("allowed", "ip_refused"),
    # GetMiPay's guide signs sorted JSON and may send it in another order; its header has no name.
    "getmipay.order": ("sorted", "as_written"),
    "getmipay.header": ("plain", "sha256", "missing"),
    # Public dialect: which bytes are signed is not documented, nor which reply is the true one.
    "getmipay.signed": ("body", "timestamp_body"),
    "getmipay.reply": ("enveloped", "flat"),
}


class SwitchRefused(ValueError):
    """No such switch, or no such position."""


class Switches:
    """The chosen positions, in the book."""

    def __init__(self, book: Book) -> None:
        self._book = book

    def get(self, name: str) -> str:
        """Read a switch."""
        row = self._book.row("SELECT value FROM notes WHERE provider = 'switch' AND name = ?", name)
        return str(row["value"]) if row else CHOICES[name][0]

    def set(self, name: str, value: str) -> None:
        """Turn a switch. Raises `SwitchRefused`."""
        if name not in CHOICES:
            raise SwitchRefused(f"unknown switch {name!r}: one of {', '.join(CHOICES)}")
        if value not in CHOICES[name]:
            raise SwitchRefused(f"{name} is one of {', '.join(CHOICES[name])}, not {value!r}")
        with self._book.changing():
            self._book.run("INSERT OR REPLACE INTO notes VALUES ('switch', ?, ?)", name, value)

    def all(self) -> dict[str, str]:
        """Read every switch."""
        return {name: self.get(name) for name in CHOICES}
