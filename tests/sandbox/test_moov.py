"""Moov's SOAP service, as its published clients and their fixtures say."""

from __future__ import annotations

import re

import pytest

from shop.money import Money
from shop.sandbox.credentials import MOOV_NUMBER
from shop.sandbox.moov import token
from tests.sandbox.clients import BENIN_MOOV, CI, Moov


def leaf(answer, name: str) -> str | None:
    found = re.search(f"<{name}>(.*?)</{name}>", answer.text)
    return found[1] if found else None


@pytest.mark.parametrize(
    ("username", "password", "known"),
    [
        ("username", "password", "hnTyz1stTsRO8PxwCssFHwwUakVCzRFeJ4Ms/F9cem0="),
        ("demo-merchant", "demo-secret", "/IKSHTfIlaa2HmjM5yKKws/mnmwb0Hmo4s6BUfUbjLE="),
    ],
)
def test_tokens_match_the_known_answers(username, password, known):
    assert token(username, password) == known


def test_a_push_answers_exactly_pending(moov_client: Moov):
    answer = moov_client.push()

    assert answer.status_code == 200
    assert answer.text == (
        '<soap:Envelope xmlns:soap="http://schemas.xmlsoap.org/soap/envelope/"><soap:Body>'
        '<ns2:PushWithPendingResponse xmlns:ns2="http://api.merchant.tlc.com/"><result>'
        "<description>pending</description><status>100</status></result>"
        "</ns2:PushWithPendingResponse></soap:Body></soap:Envelope>"
    )


def test_acceptance_shows_in_both_status_operations(moov_client: Moov, world):
    moov_client.push()
    waiting = moov_client.status()

    world.pay("moov", "A17-1")

    paid = moov_client.status()
    inside = "<request><transactiontype>PUSH</transactiontype><transid>A17-1</transid></request>"
    immediate = moov_client.call("getTransactionStatusImmediate", inside)
    assert leaf(waiting, "status") == "100"
    assert leaf(paid, "status") == leaf(immediate, "status") == "0"
    assert leaf(paid, "referenceid") == world.book()[0].transaction_id
    assert "<response>" in paid.text


def test_waiting_can_be_95_with_pending_in_its_words(moov_client: Moov, world):
    world.switches.set("moov.waiting", "95")
    moov_client.push()

    answer = moov_client.status()

    assert leaf(answer, "status") == "95"
    assert "pending" in leaf(answer, "description")


def test_refusal_and_five_minutes_are_92(moov_client: Moov, world, hand):
    moov_client.push("a")
    moov_client.push("b")

    world.decline("moov", "a")
    hand.forward(301)
    world.tick()

    assert leaf(moov_client.status("a"), "status") == "92"
    assert leaf(moov_client.status("b"), "status") == "92"


def test_no_money_is_10(moov_client: Moov, world):
    moov_client.push(number="+2290195030400")

    world.pay("moov", "A17-1")

    assert leaf(moov_client.status(), "status") == "10"


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"number": "2290195030405"}, "8"),
        ({"number": "+229019"}, "3"),
        ({"number": CI}, "555"),
        ({"number": "+2290195030499"}, "555"),
        ({"reference": ""}, "91"),
        ({"amount": "0"}, "91"),
    ],
)
def test_a_push_that_cannot_be_is_refused_at_once(moov_client: Moov, world, changes, code):
    assert leaf(moov_client.push(**changes), "status") == code
    assert world.pending_prompts() == []


def test_a_wrong_token_is_98_in_a_normal_answer(moov_client: Moov, world):
    moov_client.token = token("demo-merchant", "wrong")

    answer = moov_client.push()

    assert (answer.status_code, leaf(answer, "status")) == (200, "98")
    assert world.pending_prompts() == []


def test_an_unknown_reference_is_94(moov_client: Moov):
    assert leaf(moov_client.status("nothing"), "status") == "94"


@pytest.mark.parametrize("amount", ["abc", "", "12.5"])
def test_a_number_that_is_none_is_a_fault(moov_client: Moov, amount):
    answer = moov_client.push(amount=amount)

    assert answer.status_code == 500
    assert leaf(answer, "faultstring") == "For input string"
    assert "<soap:Fault>" in answer.text


def test_another_namespace_is_a_fault(moov_client: Moov):
    url, text = moov_client.url, "http://checktransaction.tlc.com/"
    body = (
        '<e:Envelope xmlns:e="http://schemas.xmlsoap.org/soap/envelope/"><e:Body>'
        f'<a:getTransactionStatus xmlns:a="{text}"/></e:Body></e:Envelope>'
    )

    assert moov_client.http.post(url, data=body.encode()).status_code == 500


def test_a_utf_16_prolog_over_utf_8_is_read_and_true_utf_16_too(moov_client: Moov, http):
    lied = moov_client.push("lied", prolog="utf-16")
    body = lied.request.body.decode().replace("lied", "true")

    true = http.post(moov_client.url, data=body.encode("utf-16"))

    assert leaf(lied, "status") == "100"
    assert leaf(true, "status") == "100"


def test_an_entity_bomb_is_a_fault(moov_client: Moov, http):
    bomb = '<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>'

    assert http.post(moov_client.url, data=bomb.encode()).status_code == 500


def test_a_repeated_reference_is_a_new_push_and_status_tells_the_latest(moov_client: Moov, world):
    moov_client.push()
    world.pay("moov", "A17-1")

    moov_client.push()

    assert leaf(moov_client.status(), "status") == "100"
    assert len(world.pending_prompts(BENIN_MOOV)) == 1


def transfer(client: Moov, reference: str = "P88", number: str = BENIN_MOOV, amount: str = "1000"):
    inside = (
        f"<request><destination>{number}</destination><amount>{amount}</amount>"
        f"<referenceid>{reference}</referenceid><walletid>0</walletid>"
        "<extendeddata></extendeddata></request>"
    )
    return client.call("transferFlooz", inside)


def test_a_transfer_moves_money_at_once_and_tells_it_in_inverted_names(moov_client, world):
    world.payouts.fund("moov", Money(16_819, "XOF"))
    before = world.phone(BENIN_MOOV).balance

    text = transfer(moov_client).text

    [sent] = world.payouts.book("moov")
    assert "<ns2:transferFloozResponse" in text
    assert "<return>" in text
    assert "<transactionid>P88</transactionid>" in text
    assert f"<referenceid>{sent.transaction_id}</referenceid>" in text
    assert "<status>0</status>" in text
    assert "<senderbalancebefore>16819</senderbalancebefore>" in text
    assert "<senderbalanceafter>15819</senderbalanceafter>" in text
    assert world.phone(BENIN_MOOV).balance - before == Money(1000, "XOF")


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"number": "+22912"}, 3),
        ({"number": "+2290161020304"}, 555),
        ({"number": BENIN_MOOV[:-2] + "99"}, 555),
        ({"amount": "99999999"}, 10),
        ({"amount": "0"}, 91),
        ({"reference": ""}, 91),
    ],
)
def test_a_transfer_moov_refuses_moves_nothing(moov_client, world, changes, status):
    text = transfer(moov_client, **changes).text

    assert f"<status>{status}</status>" in text
    assert world.payouts.book("moov") == []


def test_a_wrong_token_or_a_word_for_a_number_moves_nothing(moov_client, world):
    fault = transfer(moov_client, amount="mille")
    moov_client.token = "wrong"

    assert (fault.status_code, "For input string" in fault.text) == (500, True)
    assert "<status>98</status>" in transfer(moov_client).text
    assert world.payouts.latest(9) == []


def test_a_repeated_transfer_is_carried_out_again_unless_the_switch_says_otherwise(
    moov_client, world
):
    world.payouts.fund("moov", Money(5_000, "XOF"))
    transfer(moov_client)
    transfer(moov_client)
    assert len(world.payouts.book("moov")) == 2

    world.switches.set("moov.repeated", "refused")

    assert "<status>95</status>" in transfer(moov_client).text
    assert len(world.payouts.book("moov")) == 2


def test_a_transfer_cannot_be_looked_up_unless_the_switch_says_so(moov_client, world):
    world.payouts.fund("moov", Money(5_000, "XOF"))
    transfer(moov_client)

    assert "<status>94</status>" in moov_client.status("P88").text
    world.switches.set("moov.transfers", "told")
    assert "<status>0</status>" in moov_client.status("P88").text
    assert "<transid>P88</transid>" in moov_client.status("P88").text


def test_the_balance_is_told_of_the_merchant_s_own_number_only(moov_client, world):
    world.payouts.fund("moov", Money(16_819, "XOF"))

    def ask(number: str) -> str:
        return moov_client.call("getBalance", f"<request><msisdn>{number}</msisdn></request>").text

    assert "<balance>16819</balance>" in ask(MOOV_NUMBER)
    assert "<status>1</status>" in ask(BENIN_MOOV)
    assert "balance>" not in ask(BENIN_MOOV)
