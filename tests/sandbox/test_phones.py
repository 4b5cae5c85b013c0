"""The phones' site and its JSON twin."""

from __future__ import annotations

import pytest
from werkzeug.test import Client

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
