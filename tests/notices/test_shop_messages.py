"""Messages about a shop's own life fit one SMS part, in both languages, whatever the names are."""

from __future__ import annotations

import pytest

from shop.money import Money
from shop.notices import shop_messages as messages
from shop.notices.gsm7 import PART, length

LONG, REFERENCE, TOKEN = "Boutique des Artisanes réunies de Bouaké", "PX7K4M2Q", "t" * 43
WORST = {
    "invited": lambda lang: messages.invited(LONG, language=lang),
    "product_approved": lambda lang: messages.product_approved(LONG, REFERENCE, language=lang),
    "product_refused": lambda lang: messages.product_refused(
        LONG, REFERENCE, "La photo montre un autre article que celui du nom", language=lang
    ),
    "reviewed": lambda lang: messages.reviewed(REFERENCE, language=lang),
    "answered": lambda lang: messages.answered(REFERENCE, LONG, TOKEN, language=lang),
    "paid_for_you": lambda lang: messages.paid_for_you(REFERENCE, TOKEN, language=lang),
    "you_paid": lambda lang: messages.you_paid(REFERENCE, Money(1_234_567, "XOF"), language=lang),
}


@pytest.mark.parametrize("language", ["fr", "en"])
@pytest.mark.parametrize("name", WORST)
def test_each_fits_one_part(app, name: str, language: str):
    text = WORST[name](language)

    assert length(text) <= PART, f"{length(text)}: {text}"
    assert "?" not in text, "no sign was lost"
