"""The telephones: who exists, what they hold, what messages they got, which code they show."""

from __future__ import annotations

import re
from typing import Final

from shop import phone as numbers
from shop.money import Money
from shop.sandbox.book import Book, moment, sms
from shop.sandbox.values import Phone, Sms

#: What a phone holds when it is first seen: a million francs, or two thousand euros.
GENEROUS: Final = {"XOF": 1_000_000, "XAF": 1_000_000, "GNF": 10_000_000, "CDF": 300_000_000,
                   "GHS": 1_000_000, "EUR": 200_000}  # fmt: skip

#: Last digits that mean something, on every provider.
PENNILESS: Final = "00"
UNREGISTERED: Final = "99"

#: The phones a newcomer finds: one for each operator of the demo, and one without money.
DEMO: Final = (
    "+2250701020304", "+2250502030405", "+2250103040506", "+2290161020304", "+2290195030405",
    "+221771234567", "+237670123456", "+2250708090100",
)  # fmt: skip

_E164: Final = re.compile(r"\+[1-9][0-9]{6,14}")


class NoSuchPhone(ValueError):
    """The text is not an international number."""


def check_e164(text: str) -> str:
    """Give back a well-formed international number, or raise `NoSuchPhone`."""
    if not _E164.fullmatch(text):
        raise NoSuchPhone(f"not an international number (+ and digits): {text!r}")
    return text


def typed_number(text: str, country: str) -> str:
    """Read a number as payers type it, local or international, or raise `NoSuchPhone`."""
    try:
        return numbers.parse(text, country).e164
    except numbers.PhoneError:
        # Foreign test numbers of a provider belong to no country we serve.
        return check_e164("".join(text.split()))


def country_of(e164: str) -> str | None:
    """Tell the country we serve this number belongs to; None for foreign test numbers."""
    for country, code in numbers.COUNTRIES.items():
        if e164.startswith(f"+{code}"):
            return country
    return None


class Handsets:
    """Every phone of the world, in the book."""

    def __init__(self, book: Book) -> None:
        self._book = book

    def get(self, e164: str) -> Phone:
        """Find a phone, or make it with a generous balance (none when it ends in 00)."""
        check_e164(e164)
        row = self._book.row("SELECT * FROM phones WHERE e164 = ?", e164)
        if row is None:
            self._make(e164)
            row = self._book.row("SELECT * FROM phones WHERE e164 = ?", e164)
        assert row is not None
        return Phone(e164, row["country"], self.balance(e164, row["currency"]))

    def _make(self, e164: str) -> None:
        country = country_of(e164)
        currency = numbers.CURRENCIES[country] if country else "EUR"
        with self._book.changing():
            self._book.run("INSERT OR IGNORE INTO phones VALUES (?, ?, ?)", e164, country, currency)

    def all(self) -> list[Phone]:
        """List the phones seen so far, by number."""
        rows = self._book.rows("SELECT e164 FROM phones ORDER BY e164")
        return [self.get(row["e164"]) for row in rows]

    def balance(self, holder: str, currency: str) -> Money:
        """Tell what a phone or a merchant (`merchant:wave`) holds in a currency."""
        row = self._book.row(
            "SELECT amount FROM balances WHERE holder = ? AND currency = ?", holder, currency
        )
        return Money(row["amount"] if row else _opening(holder, currency), currency)

    def move(self, giver: str, taker: str, amount: Money) -> None:
        """Take from one holder and give to another, inside the caller's transaction."""
        self.add(giver, -amount)
        self.add(taker, amount)

    def add(self, holder: str, change: Money) -> None:
        """Change what one holder has, inside the caller's transaction."""
        self._book.run(
            "INSERT INTO balances VALUES (?, ?, ?) ON CONFLICT (holder, currency) "
            "DO UPDATE SET amount = excluded.amount",
            holder, change.currency, (self.balance(holder, change.currency) + change).amount,
        )  # fmt: skip

    def write(self, e164: str, text: str) -> int:
        """Put a text message into a phone's inbox and give its number."""
        self.get(e164)
        values = {"phone": e164, "text": text, "at": self._book.now().timestamp()}
        with self._book.changing():
            return self._book.insert("sms", values)

    def inbox(self, e164: str) -> list[Sms]:
        """List a phone's messages, newest first."""
        rows = self._book.rows("SELECT * FROM sms WHERE phone = ? ORDER BY id DESC", e164)
        return [sms(row) for row in rows]

    def code(self, e164: str) -> str:
        """Show the one-time code this phone can pay with, until it is used or ten minutes old."""
        now = self._book.now()
        with self._book.changing():
            row = self._book.row(
                "SELECT value FROM notes WHERE provider = 'otp' AND name = ?", e164
            )
            if row:
                code, _, made = str(row["value"]).partition(" ")
                if (now - moment(float(made))).total_seconds() < 600:
                    return code
            code = self._book.letters(6, "0123456789")
            self._book.run(
                "INSERT OR REPLACE INTO notes VALUES ('otp', ?, ?)",
                e164,
                f"{code} {now.timestamp()}",
            )
            return code

    def use_code(self, e164: str, typed: str) -> bool:
        """Spend the phone's one-time code; False when it is not the one."""
        with self._book.changing():
            if typed != self.code(e164):
                return False
            self._book.run("DELETE FROM notes WHERE provider = 'otp' AND name = ?", e164)
            return True


def _opening(holder: str, currency: str) -> int:
    if holder.startswith("merchant:") or holder.endswith(PENNILESS):
        return 0
    return GENEROUS.get(currency, 0)
