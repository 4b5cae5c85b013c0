"""`flask sandbox send`: every message every provider can send, and what none of them can do."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner
from werkzeug.test import Client

from shop.cli.output import Exit
from shop.cli.sandbox import sandbox
from shop.db import session
from shop.money import Money
from shop.payments.models import Receipt
from shop.payments.states import PaymentStatus
from shop.providers import PROVIDERS, methods
from shop.providers.values import Authenticity
from shop.sandbox import phones
from shop.sandbox.sending import Event, How
from shop.sandbox.server import PortBusy, Server
from tests.marketplace import make_order
from tests.providers.fakes import PAYERS
from tests.street import Street

#: What no message of a provider ever says.
SILENT = {
    "wave": {Event.PAYMENT_EXPIRED, Event.PAYOUT_SUCCEEDED, Event.PAYOUT_FAILED},
    "orange": {Event.PAYMENT_EXPIRED, Event.PAYOUT_SUCCEEDED, Event.PAYOUT_FAILED},
    "moov": set(Event),
}


@pytest.fixture
def panel(street: Street) -> Client:
    return phones.create_app(street.world).test_client()


@pytest.mark.parametrize("name", PROVIDERS)
def test_no_message_moves_money_by_itself(street, panel, name):
    method = next(row for row in methods.rows() if row.provider == name)
    payment = street.sent(make_order(), method.code, PAYERS[name])
    if PROVIDERS[name].can.pay_out:
        user = street.fund(Money(10_000, "XOF"), name)
        street.withdraw(user, Money(1_500, "XOF"), method.code, payee=PAYERS[name])
        street.pass_(30)
    went_out = street.world.payouts.book(name)

    told = set()
    for event in Event:
        for how in How:
            asked = {"provider": name, "event": event, "how": how}
            answer = panel.post("/api/send", json=asked)
            if answer.status_code == 200:
                told.add((event, how))
                wrong = how is How.FORGE and PROVIDERS[name].can.webhook is Authenticity.SIGNED
                signed = event.startswith("payment.") or name != "cinetpay"
                assert answer.json["answered"] == (401 if wrong and signed else 200), asked
            street.pass_(10)

    assert street.again(payment).status in (PaymentStatus.PENDING, PaymentStatus.UNKNOWN)
    assert street.world.book() == []
    assert street.world.payouts.book(name) == went_out
    assert session.query(Receipt).all() == []
    assert street.findings() == []
    genuine = {event for event, how in told if how is How.GENUINE}
    assert genuine == set(Event) - SILENT.get(name, set())
    if told:
        assert {how for _, how in told} >= {How.GENUINE, How.FORGE, How.REPLAY}


@pytest.fixture
def waiting(street: Street) -> Street:
    """A Wave payment of 27,000 francs that waits for its payer."""
    street.sent(make_order(), "wave-ci", PAYERS["wave"])
    return street


def sent(panel: Client, how: How = How.GENUINE, **more: object) -> dict[str, object]:
    asked = {"provider": "wave", "event": "payment.succeeded", "how": how, **more}
    answer = panel.post("/api/send", json=asked)
    assert answer.status_code == 200, answer.json
    told: dict[str, object] = answer.json
    return told


def test_a_genuine_message_is_what_the_provider_would_send(waiting, panel):
    told = sent(panel)

    data = json.loads(str(told["body"]))["data"]
    assert (data["payment_status"], data["amount"]) == ("succeeded", "27000")
    assert told["answered"] == 200
    assert [prompt.state for prompt in waiting.world.pending_prompts()] == ["open"]


def test_a_replay_is_the_same_bytes_under_the_same_signature(waiting, panel):
    first = sent(panel)
    waiting.pass_(20)

    again = sent(panel, How.REPLAY)

    assert (again["body"], again["headers"]) == (first["body"], first["headers"])
    assert again["answered"] == 200  # known already: nothing happens
    waiting.time.pass_(seconds=400)
    assert sent(panel, How.REPLAY)["answered"] == 401  # too old to be believed


def test_a_forgery_has_another_proof(waiting, panel):
    assert sent(panel, How.FORGE)["answered"] == 401


def test_a_wrong_amount_is_well_signed(waiting, panel):
    told = sent(panel, How.WRONG_AMOUNT)

    assert json.loads(str(told["body"]))["data"]["amount"] == "24300"
    assert told["answered"] == 200


def test_a_dry_run_sends_nothing(waiting, panel):
    assert sent(panel, dry_run=True)["answered"] is None
    assert waiting.world.post.last("wave", "x") is None


@pytest.mark.parametrize(
    ("asked", "status"),
    [
        ({"reference": "NOBODY00"}, 404),
        ({"how": "replay"}, 404),
        ({"event": "payout.succeeded"}, 404),
        ({"event": "payment.expired"}, 422),
        ({"event": "payment.failed", "how": "forge"}, 422),
        ({"event": "paid"}, 422),
        ({"provider": "paypal"}, 422),
        ({"how": "loudly"}, 422),
        ({"amount": 5}, 422),
    ],
)
def test_what_cannot_be_sent_is_refused_with_a_sentence(waiting, panel, asked, status):
    answer = panel.post(
        "/api/send", json={"provider": "wave", "event": "payment.succeeded"} | asked
    )

    assert answer.status_code == status
    assert answer.json["error"]


@pytest.fixture
def served(waiting: Street):
    """The same world on real ports; gives the command with its settings."""
    for base in range(19_100, 19_900, 20):
        try:
            server = Server(waiting.world, port=base)
            break
        except PortBusy:
            continue
    server.start()
    yield lambda *words: CliRunner().invoke(
        sandbox, ["send", *words], env={"SANDBOX_PORT": str(base)}
    )
    server.stop()


def test_the_command_shows_what_left_and_what_was_answered(served):
    plain = served("wave", "payment.succeeded")
    told = served("wave", "payment.failed", "--json")

    assert (plain.exit_code, plain.stderr) == (Exit.OK, "The shop answered 200.\n")
    assert plain.stdout.startswith("POST http://127.0.0.1:5000/webhook/wave/\n")
    assert "Wave-Signature: t=" in plain.stdout
    assert json.loads(told.stdout)["event"] == "payment.failed"


def test_the_command_s_exit_codes(served, waiting):
    assert served("wave", "payment.succeeded", "--reference", "NOBODY00").exit_code == 3
    assert served("wave", "payment.expired").exit_code == 4
    assert served("wave", "loudly").exit_code == 2
    dry = served("wave", "payment.succeeded", "--dry-run")
    assert (dry.exit_code, dry.stderr) == (0, "Nothing was sent.\n")
    waiting.world.post.deliver = lambda _delivery: 0
    assert served("wave", "payment.succeeded").exit_code == 1


def test_without_a_sandbox_the_command_says_how_to_start_it():
    env = {"SANDBOX_PORT": "19999"}
    result = CliRunner().invoke(sandbox, ["send", "wave", "payment.succeeded", "--json"], env=env)

    assert result.exit_code == Exit.ERROR
    assert json.loads(result.stderr)["error"]["code"] == "no_sandbox"
