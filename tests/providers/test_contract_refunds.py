"""The refund twins of the contract suite: asked of every provider that can give a collection back."""

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
from shop.providers.values import (
    Outcome,
    ProviderRejected,
    ProviderUnavailable,
    Refund,
    Status,
    UnsupportedOperation,
)
from tests.providers.fakes import payout
from tests.providers.test_contract import LINE_FAULTS, Bench, needs

PARTIAL = Money(500, "XOF")


class RefundBench(Bench):
    """A provider that holds what a payer paid, and the refund of all of it."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.purse = self.held()
        self.back: Refund | None = None

    def take_in(self) -> None:
        """Collect from a payer, and prepare to give all of it back."""
        self.before = self.world.phone(self.asked.payer).balance
        self.collect()
        self.pay()
        paid = self.status()
        assert paid.transaction_ref
        self.back = Refund(
            reference="RX7K4M2Q",
            amount=self.moved()[0],
            collection=self.asked,
            transaction_ref=paid.transaction_ref,
        )

    def held(self) -> Money:
        return self.world.merchant_balance(self.name, "XOF")

    def asked_back(self) -> Refund:
        assert self.back is not None
        return self.back

    def refund(self) -> Outcome:
        """Refund, and store what a shop stores."""
        outcome = self.provider.refund(self.asked_back())
        self.back = replace(
            self.asked_back(), provider_ref=outcome.provider_ref, memory=dict(outcome.memory)
        )
        return outcome

    def refund_status(self) -> Outcome:
        return self.provider.refund_status(self.asked_back())

    def gave_back(self) -> list[Money]:
        """What really went back: the oracle's book."""
        return [refund.amount for refund in self.world.refunds.book(self.name)]

    def refused(self) -> Reason | None:
        """Ask for what cannot be, and wait for the refusal, whenever it comes."""
        try:
            self.refund()
        except ProviderRejected as rejected:
            return rejected.reason
        self.wait()
        outcome = self.refund_status()
        assert outcome.status is Status.FAILED
        return outcome.reason


@pytest.fixture(params=[name for name in PROVIDERS if PROVIDERS[name].can.refund])
def bench(request) -> Iterator[RefundBench]:
    made: list[RefundBench] = []

    def now() -> datetime:
        return made[0].moment if made else datetime(2026, 11, 21, 10, tzinfo=UTC)

    with clock.turned_by(now, lambda: now().timestamp()):
        made.append(RefundBench(request.param))
        made[0].take_in()
        yield made[0]
        made[0].world.close()


def test_an_accepted_refund_gives_everything_back_once(bench):
    accepted = bench.refund()
    bench.wait()

    outcome = bench.refund_status()

    assert accepted.status in (Status.PENDING, Status.SUCCEEDED)
    assert outcome.status is Status.SUCCEEDED
    assert outcome.amount in (None, bench.asked.amount)
    assert outcome.transaction_ref == bench.world.refunds.book(bench.name)[0].transaction_id
    assert outcome.transaction_ref != bench.asked_back().transaction_ref
    assert outcome.contradiction is None
    assert bench.gave_back() == [bench.asked.amount]


def test_the_payer_holds_what_he_held_and_we_hold_nothing(bench):
    bench.refund()
    bench.wait()

    assert bench.world.phone(bench.asked.payer).balance == bench.before
    assert bench.held() == bench.purse


def test_a_refund_is_told_as_done_only_once_the_money_left(bench):
    bench.refund()

    told = bench.refund_status().status

    assert told in (Status.PENDING, Status.SUCCEEDED)
    assert bench.gave_back() == ([bench.asked.amount] if told is Status.SUCCEEDED else [])


def test_a_part_goes_back_where_it_can_and_otherwise_nothing_does(bench):
    bench.back = replace(bench.asked_back(), amount=PARTIAL)

    if not bench.can.partial_refund:
        assert bench.refused() is Reason.AMOUNT
        assert bench.gave_back() == []
        return
    bench.refund()
    bench.wait()
    assert bench.refund_status().amount in (None, PARTIAL)
    assert bench.gave_back() == [PARTIAL]


def test_two_parts_go_back_under_two_references(bench):
    needs(bench.can.partial_refund, "all or nothing")
    for reference in ("RX7K4M2A", "RX7K4M2B"):
        bench.back = replace(
            bench.asked_back(), reference=reference, amount=PARTIAL, provider_ref=None
        )
        bench.refund()
        bench.wait()
        assert bench.refund_status().status is Status.SUCCEEDED

    assert bench.gave_back() == [PARTIAL, PARTIAL]


def test_more_than_was_collected_is_refused(bench):
    bench.back = replace(bench.asked_back(), amount=bench.asked.amount + Money(5, "XOF"))

    assert bench.refused() is not None
    assert bench.gave_back() == []


def test_what_went_back_whole_never_goes_back_again(bench):
    bench.refund()
    bench.wait()
    first = bench.refund_status()
    bench.back = replace(bench.asked_back(), reference="RX7K4M2Z", provider_ref=None)
    try:
        bench.refund()
        bench.wait()
        second = bench.refund_status()
        # Either refused, or the very same refund told again: one id, so it is booked once.
        assert second.status is Status.FAILED or second.transaction_ref == first.transaction_ref
    except ProviderRejected:
        pass

    assert bench.gave_back() == [bench.asked.amount]


def test_what_was_never_paid_is_not_given_back(bench):
    bench.asked = replace(bench.asked, reference="PX7K4M2Z", provider_ref=None)
    bench.collect()
    bench.back = replace(bench.asked_back(), collection=bench.asked)

    assert bench.refused() is not None
    assert bench.gave_back() == []


def test_what_really_came_goes_back_when_it_was_less_than_asked(bench):
    bench.fault("wrong_amount", amount=1400)
    bench.asked = replace(bench.asked, reference="PX7K4M2Z", provider_ref=None)
    bench.collect()
    bench.pay()
    bench.back = replace(bench.asked_back(), collection=bench.asked, amount=Money(1400, "XOF"))

    bench.refund()
    bench.wait()

    assert bench.refund_status().status is Status.SUCCEEDED
    assert bench.gave_back() == [Money(1400, "XOF")]


def test_our_own_empty_purse_is_not_told_as_the_payer_s(bench):
    bench.world.payouts.fund(bench.name, -bench.held())

    assert bench.refused() not in (None, Reason.INSUFFICIENT_FUNDS)
    assert bench.gave_back() == []


def test_silence_before_acceptance_is_unknown_and_gives_nothing_back(bench):
    bench.fault("silence", on="refund", calls=1)

    with pytest.raises(ProviderUnavailable) as silence:
        bench.refund()
    bench.wait()

    assert silence.value.sent
    assert bench.refund_status().status in (Status.ABSENT, Status.PENDING)
    assert bench.gave_back() == []
    bench.refund()
    bench.wait()
    assert bench.gave_back() == [bench.asked.amount]


@pytest.mark.parametrize("wait_s", [0, 5, 250_000])
def test_an_answer_lost_after_acceptance_is_found_from_stored_fields_alone(bench, wait_s):
    bench.fault("lost_answer", on="refund", calls=1)

    with pytest.raises(ProviderUnavailable) as lost:
        bench.refund()
    bench.wait(wait_s)

    assert lost.value.sent
    assert (bench.asked_back().provider_ref, bench.asked_back().memory) == (None, {})
    assert bench.refund_status().status in (Status.PENDING, Status.SUCCEEDED)
    bench.wait()
    assert bench.refund_status().status is Status.SUCCEEDED
    assert bench.gave_back() == [bench.asked.amount]


@pytest.mark.parametrize("kind", LINE_FAULTS)
def test_a_line_that_broke_after_acceptance_is_never_told_as_a_refusal(bench, kind):
    bench.fault(kind, on="refund", calls=1, accepted=True)
    answered, may_have_left = None, True
    try:
        answered = bench.refund()
    except ProviderUnavailable as unknown:
        may_have_left = unknown.sent
    bench.wait()

    assert may_have_left
    # An empty body cannot be cut in two: that answer was whole after all.
    assert answered is None or (kind, answered.status) == ("truncated", Status.PENDING)
    assert bench.gave_back() == [bench.asked.amount]
    assert bench.refund_status().status is Status.SUCCEEDED


@pytest.mark.parametrize("on", ["token", "read", "refund"])
@pytest.mark.parametrize("kind", LINE_FAULTS)
def test_asking_again_after_a_broken_line_never_gives_back_twice(bench, kind, on):
    bench.fault(kind, on=on, calls=1)
    try:
        bench.refund()
    except ProviderUnavailable as unavailable:
        if not unavailable.sent:
            bench.wait()
            assert bench.gave_back() == []
        bench.refund()
    bench.wait()
    bench.world.faults.clear()  # planted on a call this provider does not make

    assert bench.refund_status().status is Status.SUCCEEDED
    assert bench.gave_back() == [bench.asked.amount]


@pytest.mark.parametrize("wait_s", [0, 5, 90_000])
def test_the_same_reference_never_gives_back_twice(bench, wait_s):
    bench.refund()
    bench.wait(wait_s)
    bench.back = replace(bench.asked_back(), provider_ref=None, memory={})

    bench.refund()
    bench.wait()

    assert bench.refund_status().status is Status.SUCCEEDED
    assert bench.gave_back() == [bench.asked.amount]


@pytest.mark.parametrize("kind", LINE_FAULTS)
def test_a_broken_line_while_asking_is_unknown_never_failed(bench, kind):
    bench.refund()
    bench.wait()
    bench.fault(kind, on="payout_status", calls=1)

    with pytest.raises(ProviderUnavailable):
        bench.refund_status()

    assert bench.refund_status().status is Status.SUCCEEDED


def test_an_unknown_refund_is_absent(bench):
    assert bench.refund_status().status is Status.ABSENT


def test_a_refund_is_found_again_after_a_crash_from_stored_fields_alone(bench):
    bench.refund()
    bench.wait(90_000)
    prefixed = {f"{bench.name}_{key}".upper(): value for key, value in bench.settings.items()}

    reborn = build_providers(prefixed, session=bench.provider._session)[bench.name]

    assert reborn.refund_status(bench.asked_back()).status is Status.SUCCEEDED


def test_secrets_and_people_never_reach_the_logs(bench, caplog):
    caplog.set_level(logging.DEBUG)
    bench.refund()
    bench.wait()
    bench.refund_status()

    private = [bench.asked.payer[1:], bench.asked.payer[4:], "t0k3n"]
    private += [v for k, v in bench.settings.items() if k not in ("base_url", "username")]
    said = "\n".join(r.getMessage() for r in caplog.records if r.name.startswith("shop.providers"))
    assert bench.asked_back().reference in said
    assert not [secret for secret in private if secret in said]


@pytest.mark.parametrize("name", PROVIDERS)
def test_what_a_provider_cannot_do_it_says(name):
    bench = Bench(name)
    refund = Refund("RX7K4M2Q", Money(1500, "XOF"), bench.asked, "T1")
    calls = {
        "refund": (bench.can.refund, lambda: bench.provider.refund(refund)),
        "refund_status": (bench.can.refund, lambda: bench.provider.refund_status(refund)),
        "pay_out": (bench.can.pay_out, lambda: bench.provider.pay_out(payout(name))),
        "payout_status": (bench.can.pay_out, lambda: bench.provider.payout_status(payout(name))),
        "balance": (bench.can.balance, lambda: bench.provider.balance("XOF")),
    }

    for call, (able, do) in calls.items():
        overridden = getattr(type(bench.provider), call) is not getattr(
            type(bench.provider).__mro__[1], call
        )
        assert overridden == able, call
        if not able:
            with pytest.raises(UnsupportedOperation):
                do()
    assert bench.can.refund or not bench.can.partial_refund
    bench.world.close()
