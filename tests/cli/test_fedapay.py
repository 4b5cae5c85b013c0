"""FedaPay call by call: the low-level module against its sandbox, and the commands over it."""

from __future__ import annotations

import inspect
import json
import re
from pathlib import Path

import pytest

from shop.cli.fedapay import KINDS, scrubbed
from shop.providers.fedapay import FedaPay
from shop.providers.fedapay_api import FedaPayApi, NoSuchObject
from shop.providers.values import ProviderRejected, ProviderUnavailable
from tests.cli.shell import Said, flask
from tests.street import Street

CARD = {"firstname": "Awa", "lastname": "Koné", "email": "awa@example.com",
        "phone_number": {"number": "61020304", "country": "bj"}}  # fmt: skip


@pytest.fixture
def api(street: Street) -> FedaPayApi:
    return street.app.extensions["providers"]["fedapay"].api


def made(api: FedaPayApi, reference: str = "PX7K4M2Q", amount: int = 1_500) -> str:
    fields = {"description": "Commande", "amount": amount, "currency": {"iso": "XOF"},
              "merchant_reference": reference}  # fmt: skip
    return str(api.transactions.create(fields)["id"])


def test_a_transaction_is_made_found_changed_and_deleted(api: FedaPayApi):
    number = made(api)

    assert api.transactions.show(number)["amount"] == 1_500
    assert api.transactions.by_reference("PX7K4M2Q")["id"] == int(number)
    assert api.transactions.update(number, {"amount": 2_000})["amount"] == 2_000
    token, url = api.transactions.link(number)
    assert url.endswith(token)
    assert api.transactions.fees(token, "mtn_open")["amount_debited"] == 2_000
    api.transactions.delete(number)
    with pytest.raises(ProviderRejected):
        api.transactions.delete(number)
    assert api.transactions.show(number)["deleted_at"]


def test_what_is_not_pending_is_neither_changed_nor_deleted(api: FedaPayApi, street: Street):
    number = made(api)
    assert street.world.pay("fedapay", "PX7K4M2Q", "+2290161020304")

    for refused in (
        lambda: api.transactions.update(number, {"amount": 1}),
        lambda: api.transactions.delete(number),
    ):
        with pytest.raises(ProviderRejected):
            refused()
    assert api.transactions.show(number)["status"] == "approved"


def test_lists_are_walked_page_by_page(api: FedaPayApi):
    for number in range(7):
        made(api, f"ORDER-{number}")

    page = api.transactions.page(2, per_page=3)
    walked = [t["merchant_reference"] for t in api.transactions.each(per_page=3)]
    found = list(api.transactions.each(search="order-3"))

    assert (len(page.items), page.next_number, page.total) == (3, 3, 7)
    assert walked == [f"ORDER-{number}" for number in reversed(range(7))]
    assert [t["merchant_reference"] for t in found] == ["ORDER-3"]


@pytest.mark.parametrize(
    ("kind", "fields", "change"),
    [
        ("customers", CARD, {"firstname": "Awa Marie"}),
        ("webhooks", {"url": "https://shop.example/webhook/fedapay/"}, {"enabled": False}),
    ],
)
def test_customers_and_webhooks_are_kept(api: FedaPayApi, kind, fields, change):
    resource = getattr(api, kind)
    created = resource.create(fields)

    changed = resource.update(created["id"], change)
    listed = list(resource.each())
    resource.delete(created["id"])

    assert {name: created[name] for name in fields} == fields
    assert {name: changed[name] for name in change} == change
    assert listed == [changed]
    with pytest.raises(NoSuchObject):
        resource.show(created["id"])


def test_one_email_is_one_customer(api: FedaPayApi):
    first, second = api.customers.create(CARD), api.customers.create({**CARD, "lastname": "K."})

    assert first["id"] == second["id"]
    assert [customer["lastname"] for customer in api.customers.each()] == ["K."]
    with pytest.raises(ProviderRejected):
        api.customers.create({"firstname": "Nobody"})


def test_events_and_logs_tell_what_happened(api: FedaPayApi, street: Street):
    number = made(api)
    assert street.world.pay("fedapay", "PX7K4M2Q", "+2290161020304")

    events = list(api.events.each())
    logs = list(api.logs.each())

    assert {event["type"] for event in events} == {"transaction.created", "transaction.approved"}
    assert json.loads(str(events[0]["entity"]))["id"] == int(number)
    assert api.events.show(str(events[0]["id"])) == events[0]
    assert ("POST", "/v1/transactions") in {(line["method"], line["url"]) for line in logs}
    assert FedaPay.sandbox_settings["secret_key"] not in json.dumps(logs)


def test_money_and_currencies_are_read(api: FedaPayApi):
    assert [currency["iso"] for currency in api.currencies.each()] == ["XOF", "GNF", "EUR"]
    assert api.currencies.show(1)["code"] == 952
    assert api.balances.show(1)["amount"] == 0
    with pytest.raises(NoSuchObject):
        api.balances.show(99)


def test_a_listing_that_points_at_itself_ends():
    class Said:
        ok, status = True, 200
        data = {"v1/events": [{"id": "e"}], "meta": {"next_page": 1}}

    assert len(list(FedaPayApi(lambda *_asked: Said()).events.each())) == 1


def test_silence_is_not_an_empty_list(api: FedaPayApi, street: Street):
    street.world.faults.add("fedapay", "html")

    with pytest.raises(ProviderUnavailable):
        list(api.transactions.each())


def ask(street: Street, *words: str) -> Said:
    return flask(street.app, "fedapay", *words)


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_is_listed(api: FedaPayApi, street: Street, kind: str):
    made(api)
    api.customers.create(CARD)
    api.webhooks.create({"url": "https://shop.example/", "http_headers": {"x-key": "s3cr3t-w0rd"}})

    said = ask(street, kind, "list", "--json")

    assert said.code == 0
    assert kind in said.json
    assert "s3cr3t-w0rd" not in said.out
    assert "61020304" not in said.out
    assert ask(street, kind, "list").code == 0


def test_one_is_shown_without_what_opens_its_page(api: FedaPayApi, street: Street):
    number = made(api)
    token, _url = api.transactions.link(number)

    said = ask(street, "transactions", "show", number, "--json")

    assert said.json["merchant_reference"] == "PX7K4M2Q"
    assert token not in said.out
    assert ask(street, "transactions", "show", number).code == 0


def test_refusals_have_their_exit_codes(api: FedaPayApi, street: Street):
    assert ask(street, "transactions", "show", "999").code == 3
    street.world.faults.add("fedapay", "http_500")
    said = ask(street, "balances", "list", "--json")
    assert (said.code, json.loads(said.err)["error"]["code"]) == (1, "unavailable")
    del street.app.extensions["providers"]["fedapay"]
    assert ask(street, "balances", "list").code == 3


def test_nothing_that_opens_a_door_is_printed():
    told = scrubbed(
        {"payment_token": "abcdefgh", "api_key": "k-123456", "body": "{}", "amount": 5,
         "customer": {"phone_number": {"number": "61020304"}}, "secret": None}
    )  # fmt: skip

    assert told["payment_token"] == "****efgh"
    assert told["api_key"] == "****3456"
    assert (told["body"], told["amount"], told["secret"]) == ("(2 characters, not shown)", 5, None)
    assert "020" not in told["customer"]["phone_number"]["number"]


def test_the_connectors_page_names_only_what_exists(api: FedaPayApi):
    page = (Path(__file__).parents[2] / "docs" / "fedapay-connector.md").read_text(encoding="utf-8")
    rows = re.findall(
        r"^\| [^|]+ \| (`[a-z]+\.page`[^|]*|`transactions\.show`[^|]*) \|", page, re.M
    )
    named = [
        (kind, call)
        for row in rows
        for kind in re.findall(r"`([a-z]+)\.", row)
        for call in re.findall(r"\.(\w+)`", row)
    ]

    assert len(named) > 20
    assert [pair for pair in named if not hasattr(getattr(api, pair[0]), pair[1])] == []
    ours = page.split("## Names")[1].split("|")[8]
    settings = {name.lower() for name in re.findall(r"FEDAPAY_([A-Z_]+)", ours)}
    assert len(settings) == 3
    assert settings <= set(inspect.signature(FedaPay).parameters)
