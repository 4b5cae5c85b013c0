"""Every message fits one SMS part, with the longest values that really occur."""

from __future__ import annotations

import inspect
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from shop.money import Money
from shop.notices import gsm7, messages, order_messages

ROOMS = (messages, order_messages)
LONG_HOST = "https://www.marche-cauri.example"
MOST = Money(99_999_999, "XAF")
TOKEN = "Zk3-_" + "x" * 17

AT = datetime(2026, 9, 28, 23, 59, tzinfo=UTC)
STORE = "Coopérative des tisserandes de Gounghin et environs"

WORST = {
    "accepted": ("PX7K4M2Q", STORE, "639 142", TOKEN),
    "sent": ("PX7K4M2Q", "639 142", TOKEN),
    "at_point": ("PX7K4M2Q", STORE, "639 142", TOKEN),
    "bill_at_door": ("PX7K4M2Q", MOST, TOKEN),
    "door_is_paid": ("PX7K4M2Q", MOST),
    "went_home": ("PX7K4M2Q", TOKEN),
    "sale_at_door": ("PX7K4M2Q", STORE, MOST),
    "asked": ("PX7K4M2Q", STORE, TOKEN),
    "refunded": ("PX7K4M2Q", MOST, TOKEN),
    "shared": ("PX7K4M2Q", MOST, TOKEN),
    "seller_is_paid": ("PX7K4M2Q", STORE, TOKEN),
    "answer_soon": ("PX7K4M2Q", AT),
    "deliver_soon": ("PX7K4M2Q", AT),
    "buyer_looks": ("PX7K4M2Q", AT),
    "money_arrived": ("PX7K4M2Q", MOST),
    "order_lost": ("PX7K4M2Q",),
    "staff_looks": ("PX7K4M2Q", TOKEN),
    # The seller's link is the longer one.
    "new_message": ("PX7K4M2Q", None),
    "problem_reported": ("PX7K4M2Q", MOST),
    "offer_made": ("PX7K4M2Q", AT, None),
    "decision_made": ("PX7K4M2Q", AT, None),
    "problem_over": ("PX7K4M2Q", None),
    "sign_in_code": ("482913",),
    "order_paid": ("PX7K4M2Q", MOST, TOKEN),
    "sale": ("PX7K4M2Q", STORE, MOST),
    "payment_failed": ("PX7K4M2Q", "plafond du compte mobile money atteint aujourd’hui"),
    "payment_not_seen": ("PX7K4M2Q", "pas validé à temps"),
    "payment_verifying": ("PX7K4M2Q", "Orange Money Côte d’Ivoire"),
    "money_kept": (MOST, "PX7K4M2Q"),
    "payout_sent": (MOST, "WX7K4M2Q", "Orange Money Côte d’Ivoire"),
    "payout_arrived": (MOST, "WX7K4M2Q"),
    "payout_returned": (MOST, "WX7K4M2Q", "pas de compte mobile money à ce numéro"),
    "payout_late": (MOST, "WX7K4M2Q"),
    "payout_number_changed": (
        "La Grande Boutique d’Awa et de ses sœurs",
        "7788",
        AT,
    ),
    "refund_kept": (MOST, "PX7K4M2Q"),
    "top_up_arrived": (MOST, "PX7K4M2Q"),
    "top_up_not_seen": ("plafond du compte mobile money atteint aujourd’hui",),
    "top_up_failed": ("plafond du compte mobile money atteint aujourd’hui",),
    "money_blocked": (MOST,),
    "withdrawal_number_added": ("7788", AT),
    "part_refunded": ("PX7K4M2Q", MOST, TOKEN),
    "part_taken_back": ("PX7K4M2Q", MOST),
    "payment_reversed": ("PX7K4M2Q", MOST),
    "sale_reversed": ("PX7K4M2Q", MOST),
}
#: What a message must be told by name.
NAMED = {"payment_reversed": {"sold": True}}


def test_every_message_is_measured():
    public = [
        name
        for module in ROOMS
        for name, f in inspect.getmembers(module, inspect.isfunction)
        if f.__module__ == module.__name__ and not name.startswith("_")
    ]
    assert sorted(public) == sorted(WORST)


@pytest.mark.parametrize("language", ["fr", "en"])
@pytest.mark.parametrize("name", WORST)
def test_it_fits_one_part(app, monkeypatch, name, language):
    app.config["SETTINGS"] = replace(app.config["SETTINGS"], public_url=LONG_HOST)

    room = next(module for module in ROOMS if hasattr(module, name))
    text = getattr(room, name)(*WORST[name], **NAMED.get(name, {}), language=language)
    monkeypatch.setattr(room, "plain", str)
    written = getattr(room, name)(*WORST[name], **NAMED.get(name, {}), language=language)

    assert set(text) <= gsm7.BASIC | gsm7.DOUBLE
    assert text.count("?") == written.count("?"), "a sign outside the alphabet"
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
