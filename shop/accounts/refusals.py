"""Why a sign-in is refused: never because of who owns the number."""

from __future__ import annotations

from shop.errors import Refusal
from shop.i18n import _l


class TooSoon(Refusal):
    """A code is already on its way; `wait_s` says when the next may be asked for."""

    code = "code_too_soon"
    http_status = 429

    def __init__(self, wait_s: int) -> None:
        super().__init__(f"wait {wait_s} s")
        self.wait_s = wait_s


class TooManyCodes(Refusal):
    """This number, or this place, asked for enough codes."""

    code = "too_many_codes"
    http_status = 429


SENTENCES: dict[str, object] = {
    "code_too_soon": _l("Un code vient de partir. Attendez un peu avant d’en demander un autre."),
    "too_many_codes": _l("Trop de codes demandés. Réessayez demain, ou appelez l’aide."),
}
