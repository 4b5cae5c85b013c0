"""The capability matrix of the README, made from the adapters and their methods.

`python -m shop.cli.matrix` writes it; a test holds the README to it.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Final

from shop.phone import COUNTRIES
from shop.providers import PROVIDERS, methods
from shop.providers.base import Provider
from shop.providers.methods import Consent, Method
from shop.providers.values import Authenticity

README: Final = Path(__file__).resolve().parents[2] / "README.md"
BEGIN: Final = "<!-- matrix: made by python -m shop.cli.matrix -->"
END: Final = "<!-- end of matrix -->"

_WEBHOOKS: Final = {
    None: "none",
    Authenticity.SIGNED: "signed",
    Authenticity.TOKEN: "secret token",
    Authenticity.UNSIGNED: "unsigned hint",
    Authenticity.REJECTED: "none",
}

Cell = Callable[[type[Provider]], str]


def _methods(provider: type[Provider]) -> list[Method]:
    return [row for row in methods.rows() if row.provider == provider.name]


def _yes(claim: bool) -> str:
    return "yes" if claim else "no"


def _code_first(provider: type[Provider]) -> str:
    """Name the countries where the payer fetches a code before paying."""
    wanting = {
        m.country for m in _methods(provider) if Consent.OTP_BEFORE in (m.consent, m.fallback)
    }
    return _in_order(wanting) or "no"


def _refund(provider: type[Provider]) -> str:
    if not provider.can.refund:
        return "no"
    return "full or part" if provider.can.partial_refund else "full"


def _in_order(countries: set[str]) -> str:
    return " ".join(country for country in COUNTRIES if country in countries)


ROWS: Final[dict[str, Cell]] = {
    "collect": lambda p: _yes(p.can.collect),
    "verify": lambda _p: "yes",  # no adapter can be made without `collection_status`
    "hosted page": lambda p: _yes(p.can.hosted_page),
    "code before paying": _code_first,
    "pay out": lambda p: _yes(p.can.pay_out),
    "refund": _refund,
    "tell its balance": lambda p: _yes(p.can.balance),
    "list its transactions": lambda p: _yes(p.can.lists),
    "webhook": lambda p: _WEBHOOKS[p.can.webhook],
    "deduplicates by reference": lambda p: _yes(p.can.deduplicates),
    "deduplicates payouts": lambda p: _yes(p.can.payout_deduplicates),
    "a lost attempt is found": lambda p: _yes(p.can.lookup_by_reference),
    "a lost payout is found": lambda p: _yes(p.can.payout_lookup),
    "countries": lambda p: _in_order(set(p.countries)),
}


def render() -> str:
    """Draw the matrix as a Markdown table: one column per provider of the registry."""
    columns = list(PROVIDERS.values())
    lines = [
        ["", *(provider.label for provider in columns)],
        ["---"] * (len(columns) + 1),
        *([name, *(cell(provider) for provider in columns)] for name, cell in ROWS.items()),
    ]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def placed(text: str, matrix: str) -> str:
    """Put the matrix between its marks. Raises `ValueError` when the marks are not there."""
    before, begin, rest = text.partition(BEGIN)
    _old, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"the marks are missing: {BEGIN} ... {END}")
    return f"{before}{begin}\n\n{matrix}\n\n{end}{after}"


def main(readme: Path = README) -> bool:
    """Write the matrix into the README; say whether that changed anything."""
    text = readme.read_text(encoding="utf-8")
    new = placed(text, render())
    readme.write_text(new, encoding="utf-8")
    return new != text


if __name__ == "__main__":
    main()
