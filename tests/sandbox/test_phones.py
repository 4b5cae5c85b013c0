"""The phones' site and its JSON twin."""

from __future__ import annotations

import pytest
from werkzeug.test import Client

from shop.money import Money
from shop.sandbox.handsets import DEMO
from shop.sandbox.phones import create_app
from tests.sandbox.clients import BENIN_MTN, CI, Mtn, Orange, Wave


@pytest.fixture
def site(world, http) -> Client:
    return create_app(world).test_client()


def test_the_front_page_says_it_is_a_simulator_and_lists_phones(site):
    page = site.get("/").text

    assert "Simulateur : aucun argent réel." in page
    assert page.count('data-test="phone"') == len(DEMO)
    assert "no real money" in site.get("/?lang=en").text


def test_a_number_is_opened_from_the_front_page(site):
    found = site.get("/", query_string={"number": "+225 07 99 00 00 01"})

    assert (found.status_code, found.headers["Location"]) == (303, "/phones/+2250799000001/")
    assert site.get("/", query_string={"number": "bonjour"}).status_code == 422
    assert site.get("/phones/bonjour/").status_code == 404


def test_the_screen_shows_the_newest_prompt_first_and_accepts_once(site, mtn: Mtn, world):
    mtn.ask()
    mtn.ask()
    screen = site.get(f"/phones/{BENIN_MTN}/").text
    newest, oldest = world.pending_prompts(BENIN_MTN)

    first = site.post(f"/prompts/{newest.id}/accept")
    again = site.post(f"/prompts/{newest.id}/accept")

    assert screen.index(f'data-id="{newest.id}"') < screen.index(f'data-id="{oldest.id}"')
    assert first.headers["Location"].endswith("done=1")
    assert again.headers["Location"].endswith("done=0")
    assert [m.reference for m in world.book()] == ["order-2"]
    assert "payé" in site.get(f"/phones/{BENIN_MTN}/").text


def test_refresh_by_itself_only_when_asked(site):
    assert "http-equiv" not in site.get(f"/phones/{CI}/").text
    assert 'http-equiv="refresh"' in site.get(f"/phones/{CI}/?auto=1").text


def test_a_prompt_can_be_opened_alone_and_is_404_when_unknown(site, mtn: Mtn, world):
    mtn.ask()
    [prompt] = world.pending_prompts()

    assert 'data-test="accept"' in site.get(f"/prompts/{prompt.id}/").text
    assert site.get("/prompts/999/").status_code == 404
    assert site.post("/prompts/999/accept").status_code == 404


def test_a_link_opens_the_provider_s_own_page(site, wave: Wave):
    session = wave.open(restrict_payer_mobile=CI).json()
    url = session["wave_launch_url"].replace("&", "&amp;")

    assert f'href="{url}"' in site.get(f"/phones/{CI}/").text


def test_what_others_write_is_escaped(site, world):
    world.send_sms(CI, "<script>alert(1)</script>")

    assert "<script>" not in site.get(f"/phones/{CI}/").text


def test_the_sms_gateway_takes_a_text_and_the_phone_shows_it(site):
    sent = site.post("/sms/messages", json={"to": CI, "text": "Votre code est 123456"})

    assert (sent.status_code, sent.json) == (201, {"id": "1"})
    assert site.get(f"/api/sms/{CI}").json["sms"][0]["text"] == "Votre code est 123456"
    assert "123456" in site.get(f"/phones/{CI}/").text


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"{}", b'{"to":"07","text":"x"}', b'{"to":"+2250701020304","text":""}']
)
def test_the_sms_gateway_says_what_is_wrong(site, world, body):
    answer = site.post("/sms/messages", data=body)

    assert answer.status_code == 422
    assert answer.json["error"]
    assert world.inbox(CI) == []


def test_the_json_twin_of_a_phone(site, orange: Orange, mtn: Mtn, world):
    mtn.ask(CI, environment="mtnivorycoast")
    [prompt] = world.pending_prompts(CI)

    before = site.get(f"/api/phones/{CI}").json
    done = site.post(f"/api/prompts/{prompt.id}/accept").json
    again = site.post(f"/api/prompts/{prompt.id}/accept").json
    after = site.get(f"/api/phones/{CI}").json

    assert [p["reference"] for p in before["prompts"]] == ["order-1"]
    assert (done["changed"], done["prompt"]["state"]) == (True, "succeeded")
    assert again["changed"] is False
    assert after["prompts"] == []
    assert after["balance"] == {"amount": "998500", "currency": "XOF"}
    assert after["movements"] == site.get("/api/book").json["movements"]


def test_a_link_is_accepted_by_naming_its_phone(site, wave: Wave):
    wave.open()
    [prompt] = site.get("/api/prompts?provider=wave&reference=order-17").json["prompts"]

    nobody = site.post(f"/api/prompts/{prompt['id']}/accept")
    someone = site.post(f"/api/prompts/{prompt['id']}/accept", json={"phone": CI})

    assert nobody.status_code == 422
    assert someone.json["prompt"]["phone"] == CI
    assert someone.json["changed"] is True


def test_faults_by_json(site):
    made = site.post("/api/faults", json={"provider": "wave", "kind": "html", "calls": 2})

    assert made.status_code == 201
    assert site.get("/api/faults").json["faults"] == [made.json]
    assert site.delete(f"/api/faults/{made.json['id']}").json == {"lifted": 1}
    assert site.delete(f"/api/faults/{made.json['id']}").status_code == 404
    site.post("/api/faults", json={"provider": "mtn", "kind": "silence"})
    assert site.delete("/api/faults").json == {"lifted": 1}


@pytest.mark.parametrize(
    "body",
    [
        {"provider": "wave", "kind": "rain"},
        {"provider": "wave", "kind": "html", "calls": "two"},
        {"provider": "wave", "kind": "html", "calls": True},
        {"provider": "wave", "kind": "html", "colour": "red"},
        {"kind": "html"},
        {},
    ],
)
def test_wrong_faults_are_answered_in_a_sentence(site, body):
    answer = site.post("/api/faults", json=body)

    assert answer.status_code == 422
    assert answer.json["error"]
    assert site.get("/api/faults").json == {"faults": []}


def test_the_panel_plants_and_lifts(site, world):
    planted = {"provider": "wave", "kind": "silence", "calls": "1", "reference": " PX7K4M2Q "}

    site.post("/control/faults", data=planted)
    [fault] = world.faults.active()
    shown = site.get("/control/").text
    wrong = site.post("/control/faults", data=planted | {"calls": "many"})
    site.post(f"/control/faults/{fault.id}/lift")

    assert fault.reference == "PX7K4M2Q"
    assert shown.count('data-test="fault"') == 1
    assert wrong.status_code == 422
    assert world.faults.active() == []


def test_the_panel_does_not_offer_what_a_protocol_cannot_say(site):
    page = site.get("/control/").text
    moov = page[page.index('data-test="plant-moov"') :].partition("</form>")[0]

    assert 'value="forged_webhook"' in page
    assert 'value="forged_webhook"' not in moov


def test_switches_turn_by_form_and_by_json(site, world):
    site.post("/control/switches", data={"name": "mtn.callback", "value": "PUT"})
    site.post("/api/switches", json={"wave.errors": "nested"})
    wrong = site.post("/api/switches", json={"wave.errors": "loud"})

    assert world.switches.get("mtn.callback") == "PUT"
    assert site.get("/api/switches").json["wave.errors"] == "nested"
    assert wrong.status_code == 422


def test_info_tells_addresses_and_credentials(site):
    told = site.get("/api/info").json

    assert told["providers"]["moov"]["origin"] == "http://127.0.0.1:9104"
    assert told["providers"]["wave"]["credentials"]["api_key"].startswith("wave_ci_prod_sandbox")
    assert told["sms"] == "http://127.0.0.1:9100/sms/messages"


@pytest.fixture
def sent(world, mtn: Mtn) -> None:
    """A paid request, given back in part, and two payouts of which one could not go."""
    world.payouts.fund("mtn", Money(5_000, "XOF"))
    mtn.ask()
    assert world.pay("mtn", "order-1")
    [paid] = world.search("mtn", "order-1")
    back = world.refunds.create(
        paid, provider_ref="r-1", reference="RX7K4M2Q", amount=Money(500, "XOF"),
        details=CALLED_BACK,
    )  # fmt: skip
    world.refunds.send_now(back.id)
    for number, amount in (("1", 2_000), ("2", 9_000)):
        payout = world.payouts.create(
            "mtn", provider_ref=f"p-{number}", reference=f"WX7K4M2{number}",
            amount=Money(amount, "XOF"), phone=BENIN_MTN,
            details=CALLED_BACK | {"party_id": BENIN_MTN[1:]},
        )  # fmt: skip
        world.payouts.send_now(payout.id)


CALLED_BACK = {"external_id": "x", "payer_message": "", "payee_note": "", "callback_url": None}


@pytest.mark.usefixtures("sent")
def test_the_screen_shows_what_came_in_from_whom_and_why(site):
    screen = site.get(f"/phones/{BENIN_MTN}/").text
    english = site.get(f"/phones/{BENIN_MTN}/?lang=en").text

    assert 'data-montant="1001000"' in screen  # a million, less 1,500, and 500 and 2,000 back
    assert 'data-test="refund" data-state="succeeded" data-ref="RX7K4M2Q"' in screen
    assert 'data-test="payout" data-state="succeeded" data-ref="WX7K4M21"' in screen
    assert 'data-test="payout" data-state="failed" data-ref="WX7K4M22"' in screen
    assert "Argent reçu" in screen
    assert "+2\u00a0000\u00a0FCFA" in screen
    assert "+9\u00a0000" not in screen
    assert "Money received" in english


@pytest.mark.usefixtures("sent")
def test_the_book_and_the_panel_tell_what_went_out_and_back(site):
    book = site.get("/api/book?provider=mtn").json
    panel = site.get("/control/").text

    assert [(m["amount"], m["reference"]) for m in book["movements"]] == [("1500", "order-1")]
    assert [(p["amount"], p["reference"]) for p in book["payouts"]] == [("2000", "WX7K4M21")]
    assert [(r["amount"], r["prompt"]) for r in book["refunds"]] == [("500", 1)]
    assert site.get("/api/book?provider=wave").json == {key: [] for key in book}
    assert panel.count('data-test="payout"') == 2
    assert panel.count('data-test="refund"') == 1
    assert "Solde insuffisant." in panel


@pytest.mark.usefixtures("sent")
def test_the_json_twin_tells_payouts_and_refunds_of_a_phone(site):
    told = site.get(f"/api/phones/{BENIN_MTN}").json

    assert [p["state"] for p in told["payouts"]] == ["failed", "succeeded"]
    assert [p["reason"] for p in told["payouts"]] == ["insufficient_funds", None]
    [back] = told["refunds"]
    assert (back["merchant"], back["amount"], back["fee"]) == ("Cauri", "500", "0")
    assert site.get(f"/api/phones/{CI}").json["payouts"] == []


def test_a_fault_is_planted_on_the_call_chosen_on_the_panel(site, world):
    form = {"provider": "mtn", "kind": "silence", "on": "refund", "calls": "1"}
    site.post("/control/faults", data=form)
    site.post("/control/faults", data=form | {"on": ""})

    assert [fault.on for fault in world.faults.active()] == ["refund", "any"]
    assert "rembourser ·" in site.get("/control/").text
    assert site.post("/control/faults", data=form | {"on": "x"}).status_code == 422
