"""Where is my money? Every state has its sentence, in both languages."""

from __future__ import annotations

import pytest
from flask import Flask

from shop import clock
from shop.payouts import wording
from shop.payouts.models import Payout, Refund
from shop.payouts.states import PayoutStatus


@pytest.fixture
def payout(app: Flask) -> Payout:
    """A row that no database has seen: any state may be tried on."""
    return Payout(status=PayoutStatus.REQUESTED, payee_phone="+2290161020304")


def said(payout: Payout, language: str) -> str:
    return wording.sentence(payout, amount="5 000 F CFA", operator="MTN MoMo", language=language)


@pytest.mark.parametrize("state", PayoutStatus)
def test_every_state_says_where_the_money_is(payout: Payout, state: PayoutStatus):
    payout.status = state

    french, english = said(payout, "fr"), said(payout, "en")

    assert "5 000 F CFA" in french
    assert "5 000 F CFA" in english
    assert french != english
    assert "%(" not in french + english


def test_states_do_not_share_a_sentence(payout: Payout):
    sentences = set()
    for state in PayoutStatus:
        payout.status = state
        sentences.add(said(payout, "fr"))

    assert len(sentences) == len(PayoutStatus)


def test_a_failure_says_why(payout: Payout):
    payout.status, payout.reason = PayoutStatus.FAILED, "not_registered"

    assert "pas de compte mobile money" in said(payout, "fr")


def test_one_that_left_after_all_says_so(payout: Payout):
    payout.status, payout.late_ref = PayoutStatus.FAILED, "T1"

    assert "après coup" in said(payout, "fr")


def test_pages_hide_the_middle_of_the_number(payout: Payout):
    assert "01 •• •• •• 04".replace(" ", "\u00a0") in said(payout, "fr")
    assert "61020304" not in said(payout, "fr")


@pytest.mark.parametrize("state", [None, *PayoutStatus])
def test_every_refund_says_where_it_is(app: Flask, state: PayoutStatus | None):
    refund = Refund(amount=5_000, currency="XOF")
    payout = state and Payout(
        status=state, payee_phone="+2290161020304", settled_at=clock.now(), reference="PX7K4M2Q"
    )

    french, english = (wording.given_back(refund, payout, lang) for lang in ("fr", "en"))

    assert "5\u00a0000\u00a0FCFA" in french.sentence
    assert french.sentence != english.sentence
    assert "%(" not in french.sentence + english.sentence
    kept = state in (None, PayoutStatus.FAILED, PayoutStatus.CANCELLED)
    assert ("portefeuille" in french.sentence) is kept
