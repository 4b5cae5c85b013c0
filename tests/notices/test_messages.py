"""Every message fits one SMS part, with the longest values that really occur."""

from __future__ import annotations

import inspect
from dataclasses import replace

import pytest

from shop.money import Money
from shop.notices import gsm7, messages

LONG_HOST = "https://www.marche-cauri.example"
MOST = Money(99_999_999, "XAF")
TOKEN = "Zk3-_" + "x" * 17

WORST = {
    "sign_in_code": ("482913",),
    "order_paid": ("PX7K4M2Q", MOST, TOKEN),
    "sale": ("PX7K4M2Q", "Coopérative des tisserandes de Gounghin et environs", MOST),
    "payment_failed": ("PX7K4M2Q", "plafond du compte mobile money atteint aujourd’hui"),
    "payment_not_seen": ("PX7K4M2Q", "pas validé à temps"),
    "payment_verifying": ("PX7K4M2Q", "Orange Money Côte d’Ivoire"),
    "money_kept": (MOST, "PX7K4M2Q"),
    "payout_sent": (MOST, "WX7K4M2Q", "Orange Money Côte d’Ivoire"),
    "payout_arrived": (MOST, "WX7K4M2Q"),
    "payout_returned": (MOST, "WX7K4M2Q", "pas de compte mobile money à ce numéro"),
    "payout_late": (MOST, "WX7K4M2Q"),
    "refund_kept": (MOST, "PX7K4M2Q"),
}


def test_every_message_is_measured():
    public = {
        name
        for name, f in inspect.getmembers(messages, inspect.isfunction)
        if f.__module__ == messages.__name__ and not name.startswith("_")
    }
    assert public == set(WORST)


@pytest.mark.parametrize("language", ["fr", "en"])
@pytest.mark.parametrize("name", WORST)
def test_it_fits_one_part(app, name, language):
    app.config["SETTINGS"] = replace(app.config["SETTINGS"], public_url=LONG_HOST)

    text = getattr(messages, name)(*WORST[name], language=language)

    assert set(text) <= gsm7.BASIC | gsm7.DOUBLE
    assert "?" not in text
    assert gsm7.length(text) <= gsm7.PART, text


def test_the_languages_differ(app):
    french, english = (messages.sign_in_code("482913", language=lang) for lang in ("fr", "en"))

    assert french != english
    assert french.endswith("\n@127.0.0.1 #482913")


@pytest.mark.parametrize(
    ("written", "sent"),
    [
        ("Reçu même aujourd’hui", "Recu meme aujourd'hui"),
        ("05 •• 04 — œuf", "05 ** 04 - oeuf"),
        ("12\u00a0500\u202fFCFA", "12 500 FCFA"),
        ("déjà où", "déjà où"),
        ("中", "?"),
    ],
)
def test_signs_outside_the_alphabet_are_replaced(written, sent):
    assert gsm7.plain(written) == sent
