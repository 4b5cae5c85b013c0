"""The payout twins of the contract suite: asked of every provider that says it can pay out."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from shop import clock
from shop.money import Money
from shop.providers import PROVIDERS, build_providers
from shop.providers.reasons import Reason
from shop.providers.values import Outcome, Payout, ProviderRejected, ProviderUnavailable, Status
from tests.providers.fakes import PAYERS
from tests.providers.test_contract import LINE_FAULTS, SHOP, Bench, needs

FUNDS = Money(100_000, "XOF")


class PayoutBench(Bench):
    """A provider that pays out, with money to do it."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.world.payouts.fund(name, FUNDS)
        self.answered: Outcome | None = None
        self.sent = Payout(
            reference="WX7K4M2Q",
            amount=Money(1500, "XOF"),
            payee=PAYERS[name],
            country=self.method.country,
            operator=self.method.operator,
            description="Retrait WX7K4M2Q",
            webhook_url=f"{SHOP}/webhook/{name}/p4y0ut/",
        )

    def pay_out(self) -> Outcome:
        """Pay out, and store what a shop stores."""
        outcome = self.answered = self.provider.pay_out(self.sent)
        self.sent = replace(
            self.sent, provider_ref=outcome.provider_ref, memory=dict(outcome.memory)
        )
        return outcome

    def payout_status(self) -> Outcome:
        """Ask, unless the first answer was the last word of a provider that tells no more."""
        if self.answered and self.said_all():
            return self.answered
        return self.provider.payout_status(self.sent)

    def said_all(self) -> bool:
        """Whether the first answer was final, and nothing can be asked any more."""
        final = self.answered is not None and self.answered.status is Status.SUCCEEDED
        return final and not self.can.payout_lookup

    def paid_out(self) -> list[Money]:
        """What really left: the oracle's book."""
        return [payout.amount for payout in self.world.payouts.book(self.name)]

    def refused(self) -> Reason | None:
        """Pay out to somebody who cannot have it, and wait for the refusal, whenever it comes."""
        try:
            self.pay_out()
        except ProviderRejected as rejected:
            return rejected.reason
        self.wait()
        outcome = self.payout_status()
        assert outcome.status is Status.FAILED
        return outcome.reason


@pytest.fixture(params=[name for name in PROVIDERS if PROVIDERS[name].can.pay_out])
def bench(request) -> Iterator[PayoutBench]:
    made: list[PayoutBench] = []

    def now() -> datetime:
        return made[0].moment if made else datetime(2026, 11, 21, 10, tzinfo=UTC)

    with clock.turned_by(now, lambda: now().timestamp()):
        made.append(PayoutBench(request.param))
        yield made[0]
        made[0].world.close()


def test_an_accepted_payout_succeeds_once(bench):
    accepted = bench.pay_out()
    bench.wait()

    outcome = bench.payout_status()

    assert accepted.status in (Status.PENDING, Status.SUCCEEDED)
    assert outcome.status is Status.SUCCEEDED
    assert outcome.amount in (None, bench.sent.amount)
    assert outcome.transaction_ref == bench.world.payouts.book(bench.name)[0].transaction_id
    assert outcome.contradiction is None
    assert bench.paid_out() == [bench.sent.amount]


def test_what_the_phone_gains_is_what_we_hold_less(bench):
    before = bench.world.phone(bench.sent.payee).balance
    bench.pay_out()
    bench.wait()
    fee = bench.payout_status().fee or Money(0, "XOF")

    assert bench.world.phone(bench.sent.payee).balance == before + bench.sent.amount
    assert bench.world.merchant_balance(bench.name, "XOF") == FUNDS - bench.sent.amount - fee


def test_the_balance_is_what_is_held_before_and_after(bench):
    needs(bench.can.balance, "it does not tell its balance")
    before = bench.provider.balance("XOF")
    bench.pay_out()
    bench.wait()

    assert before == FUNDS
    assert bench.provider.balance("XOF") == bench.world.merchant_balance(bench.name, "XOF") < FUNDS


@pytest.mark.parametrize("kind", LINE_FAULTS)
def test_a_broken_line_tells_no_balance(bench, kind):
    needs(bench.can.balance, "it does not tell its balance")
    bench.fault(kind, on="read", calls=1)

    with pytest.raises(ProviderUnavailable):
        bench.provider.balance("XOF")


def test_a_payout_is_told_as_sent_only_once_the_money_left(bench):
    bench.pay_out()

    told = bench.payout_status().status

    assert told in (Status.PENDING, Status.SUCCEEDED)
    assert bench.paid_out() == ([bench.sent.amount] if told is Status.SUCCEEDED else [])


def test_a_payee_without_an_account_gets_nothing(bench):
    bench.sent = replace(bench.sent, payee=bench.sent.payee[:-2] + "99")

    assert bench.refused() is not None
    assert bench.paid_out() == []


def test_our_own_empty_purse_is_not_told_as_the_payee_s(bench):
    bench.sent = replace(bench.sent, amount=FUNDS + Money(5, "XOF"))

    assert bench.refused() not in (None, Reason.INSUFFICIENT_FUNDS)
    assert bench.paid_out() == []


def test_silence_before_acceptance_is_unknown_and_moves_nothing(bench):
    bench.fault("silence", on="pay_out", calls=1)

    with pytest.raises(ProviderUnavailable) as silence:
        bench.pay_out()
    bench.wait()

    assert silence.value.sent
    if bench.can.payout_lookup:
        assert bench.payout_status().status in (Status.ABSENT, Status.PENDING)
    assert bench.paid_out() == []
    bench.pay_out()
    bench.wait()
    assert bench.paid_out() == [bench.sent.amount]


def test_an_answer_lost_after_acceptance_is_found_by_our_reference_alone(bench):
    needs(bench.can.payout_lookup, "what was lost cannot be found")
    bench.fault("lost_answer", on="pay_out", calls=1)

    with pytest.raises(ProviderUnavailable) as lost:
        bench.pay_out()

    assert lost.value.sent
    assert bench.sent.provider_ref is None
    assert bench.payout_status().status in (Status.PENDING, Status.SUCCEEDED)
    bench.wait()
    assert bench.payout_status().status is Status.SUCCEEDED
    assert bench.paid_out() == [bench.sent.amount]


@pytest.mark.parametrize("kind", LINE_FAULTS)
def test_a_line_that_broke_after_acceptance_is_never_told_as_a_refusal(bench, kind):
    bench.fault(kind, on="pay_out", calls=1, accepted=True)
    answered, may_have_left = None, True
    try:
        answered = bench.pay_out()
    except ProviderUnavailable as unknown:
        may_have_left = unknown.sent
    bench.wait()

    assert may_have_left
    # An empty body cannot be cut in two: that answer was whole after all.
    assert answered is None or (kind, answered.status) == ("truncated", Status.PENDING)
    assert bench.paid_out() == [bench.sent.amount]
    if bench.can.payout_lookup:
        assert bench.payout_status().status is Status.SUCCEEDED


ASKED_ONCE = "asked once only: nothing tells whether it left"


@pytest.mark.parametrize("on", ["token", "read", "create", "pay_out"])
@pytest.mark.parametrize("kind", LINE_FAULTS)
def test_asking_again_after_a_broken_line_never_pays_twice(bench, kind, on):
    needs(bench.can.payout_lookup, ASKED_ONCE)
    bench.fault(kind, on=on, calls=1)
    try:
        bench.pay_out()
    except ProviderUnavailable as unavailable:
        if not unavailable.sent:
            bench.wait()
            assert bench.paid_out() == []
        bench.sent = replace(bench.sent, provider_ref=None)
        again(bench)
    bench.wait()
    bench.world.faults.clear()  # planted on a call this provider does not make

    assert bench.payout_status().status is Status.SUCCEEDED
    assert bench.paid_out() == [bench.sent.amount]


def again(bench: PayoutBench) -> None:
    """Ask once more, taking "it may be on its way already" for the answer it is."""
    try:
        bench.pay_out()
    except ProviderUnavailable:
        assert bench.payout_status().status in (Status.PENDING, Status.SUCCEEDED)


@pytest.mark.parametrize("wait_s", [0, 5, 90_000])
def test_the_same_reference_never_moves_money_twice(bench, wait_s):
    needs(bench.can.payout_lookup, ASKED_ONCE)
    bench.pay_out()
    bench.wait(wait_s)
    bench.sent = replace(bench.sent, provider_ref=None)

    again(bench)
    bench.wait()

    assert bench.paid_out() == [bench.sent.amount]


@pytest.mark.parametrize("kind", LINE_FAULTS)
def test_a_broken_line_while_asking_is_unknown_never_failed(bench, kind):
    bench.pay_out()
    bench.wait()
    bench.fault(kind, on="payout_status", calls=1)

    with pytest.raises(ProviderUnavailable):
        bench.provider.payout_status(bench.sent)

    assert bench.payout_status().status is Status.SUCCEEDED


def test_an_unknown_reference_is_absent_or_never_told_so(bench):
    if not bench.can.payout_lookup:
        # "I cannot know" may not be read as "it never left": the money would go back and go out.
        with pytest.raises(ProviderUnavailable):
            bench.payout_status()
        return
    assert bench.payout_status().status is Status.ABSENT


def test_a_payout_is_found_again_after_a_crash_from_stored_fields_alone(bench):
    bench.pay_out()
    bench.wait(90_000)
    prefixed = {f"{bench.name}_{key}".upper(): value for key, value in bench.settings.items()}

    reborn = build_providers(prefixed, session=bench.provider._session)[bench.name]

    if bench.said_all():
        # What was not written down cannot be learnt again: never "absent", never "failed".
        with pytest.raises(ProviderUnavailable):
            reborn.payout_status(bench.sent)
        return
    assert reborn.payout_status(bench.sent).status is Status.SUCCEEDED


def test_a_message_about_a_payout_names_it_and_no_payment(bench):
    needs(bench.can.webhook, "it sends no webhooks")
    bench.pay_out()
    bench.wait()
    bench.wait()

    for delivery in bench.heard:
        notice = bench.read(delivery)
        assert notice.reference in (None, bench.sent.reference)
        assert notice.reference or notice.provider_ref == bench.sent.provider_ref
        assert notice.kind.startswith("payout.")
        assert not notice.ignorable


def test_secrets_and_people_never_reach_the_logs(bench, caplog):
    caplog.set_level(logging.DEBUG)
    bench.pay_out()
    bench.wait()
    bench.payout_status()

    private = [bench.sent.payee[1:], bench.sent.payee[4:], "p4y0ut"]
    private += [v for k, v in bench.settings.items() if k not in ("base_url", "username")]
    said = "\n".join(r.getMessage() for r in caplog.records if r.name.startswith("shop.providers"))
    assert bench.sent.reference in said
    assert not [secret for secret in private if secret in said]
