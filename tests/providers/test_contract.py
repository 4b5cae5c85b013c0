"""One suite asked of every provider in the registry, against its simulated twin.

A provider without a sandbox fails here. A case is skipped only where the provider declares that it
cannot (`Provider.can`).
"""

from __future__ import annotations

import contextlib
import logging
import random
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
import requests

from shop import clock
from shop.money import Money
from shop.providers import PROVIDERS, build_providers, methods
from shop.providers.base import same_secret
from shop.providers.reasons import Reason
from shop.providers.values import (
    Authenticity,
    Collection,
    Notice,
    Outcome,
    ProviderError,
    ProviderRejected,
    ProviderUnavailable,
    Status,
)
from shop.sandbox import registry
from shop.sandbox.values import Delivery
from shop.sandbox.world import World
from tests.providers.fakes import PAYERS

SHOP = "http://127.0.0.1:5000"


class Bench:
    """One provider, its simulated twin, a clock to turn and the webhooks that came."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.moment = datetime(2026, 11, 21, 10, tzinfo=UTC)
        self.heard: list[Delivery] = []
        self.echo_token: str | None = None
        self.world = World(rng=random.Random(7), deliver=self._hear, shop_url=SHOP)
        session = requests.Session()
        registry.mount(session, self.world)
        settings = {"base_url": registry.origin(name), **registry.PROVIDERS[name].credentials}
        prefixed = {f"{name}_{key}".upper(): value for key, value in settings.items()}
        self.settings = settings
        self.provider = build_providers(prefixed, names=[name], session=session)[name]
        self.can = self.provider.can
        self.method = next(m for m in methods.rows() if m.provider == name)
        self.asked = Collection(
            reference="PX7K4M2Q",
            amount=Money(1500, "XOF"),
            payer=PAYERS[name],
            country=self.method.country,
            operator=self.method.operator,
            description="Commande PX7K-4M2Q",
            return_url=f"{SHOP}/payments/PX7K4M2Q",
            webhook_url=f"{SHOP}/webhook/{name}/t0k3n/",
        )

    def _hear(self, delivery: Delivery) -> int:
        if delivery.method != "GET":  # a ping only asks whether the address lives
            self.heard.append(delivery)
        return 200

    def wait(self, seconds: float = 5.0) -> None:
        """Let time pass for both sides."""
        self.moment += timedelta(seconds=seconds)
        self.world.tick()

    def collect(self) -> Outcome:
        """Collect, and store what a shop stores."""
        outcome = self.provider.collect(self.asked)
        self.echo_token = outcome.echo_token
        self.asked = replace(
            self.asked, provider_ref=outcome.provider_ref, memory=dict(outcome.memory)
        )
        return outcome

    def status(self) -> Outcome:
        return self.provider.collection_status(self.asked)

    def pay(self) -> None:
        assert self.world.pay(self.name, self.asked.reference, self.asked.payer)
        self.wait()

    def expire(self) -> None:
        """Wait until the simulated request is too old to be accepted."""
        [prompt, *_] = self.world.search(self.name, self.asked.reference)
        self.wait((prompt.expires_at - self.moment).total_seconds() + 1)

    def fault(self, kind: str, **how: object) -> None:
        self.world.faults.add(self.name, kind, **how)

    def moved(self) -> list[Money]:
        """What really moved: the oracle's book."""
        return [movement.amount for movement in self.world.book(self.name)]

    def read(self, delivery: Delivery, *, body: bytes | None = None, late_s: float = 0) -> Notice:
        return self.provider.parse_webhook(
            headers=delivery.headers,
            body=delivery.body if body is None else body,
            now_s=self.moment.timestamp() + late_s,
        )


@pytest.fixture(params=PROVIDERS)
def bench(request) -> Iterator[Bench]:
    assert request.param in registry.PROVIDERS, f"{request.param} has no sandbox"
    made: list[Bench] = []

    def now() -> datetime:
        return made[0].moment if made else datetime(2026, 11, 21, 10, tzinfo=UTC)

    with clock.turned_by(now, lambda: now().timestamp()):
        made.append(Bench(request.param))
        yield made[0]
        made[0].world.close()


def attempt(bench: Bench) -> Outcome | ProviderUnavailable:
    """Collect, taking silence for an answer."""
    try:
        return bench.collect()
    except ProviderUnavailable as unavailable:
        return unavailable


def needs(capability: object, why: str) -> None:
    if not capability:
        pytest.skip(f"declared: {why}")


def test_the_sandbox_listens_where_the_provider_says(bench):
    assert registry.PROVIDERS[bench.name][0] == bench.provider.sandbox_port


def test_collecting_waits_for_the_payer(bench):
    outcome = bench.collect()

    assert outcome.status is Status.PENDING
    opens = (methods.Consent.APP, methods.Consent.REDIRECT)
    assert bool(outcome.page_url) == (bench.method.consent in opens)
    assert bench.status().status is Status.PENDING
    assert bench.moved() == []


def test_an_approved_payment_succeeds_with_its_amount(bench):
    bench.collect()
    bench.pay()

    outcome = bench.status()

    assert outcome.status is Status.SUCCEEDED
    assert outcome.amount == (bench.asked.amount if bench.can.reports_amount else None)
    assert outcome.transaction_ref
    assert outcome.contradiction is None
    assert bench.moved() == [bench.asked.amount]


def test_asking_twice_tells_the_same(bench):
    bench.collect()
    bench.pay()

    assert bench.status() == bench.status()


def test_a_refused_payment_fails_with_a_reason(bench):
    bench.collect()
    [prompt] = bench.world.search(bench.name, bench.asked.reference)
    assert bench.world.present(prompt.id, bench.asked.payer)
    assert bench.world.refuse(prompt.id, "insufficient_funds")
    bench.wait()
    if bench.status().status is Status.PENDING:
        bench.expire()  # some leave the request open for another try

    outcome = bench.status()

    assert outcome.status is Status.FAILED
    assert outcome.reason in (Reason.INSUFFICIENT_FUNDS, Reason.REFUSED, Reason.TIMEOUT)
    assert bench.moved() == []


def test_an_ignored_payment_stays_pending(bench):
    bench.collect()
    bench.wait(60)

    assert bench.status().status is Status.PENDING


def test_an_expired_payment_fails_as_a_timeout_where_it_ends_at_all(bench):
    bench.collect()
    bench.expire()

    outcome = bench.status()

    ended = (Status.FAILED, Reason.TIMEOUT) if bench.can.expires_alone else (Status.PENDING, None)
    assert (outcome.status, outcome.reason) == ended


def test_an_unknown_reference_is_absent(bench):
    assert bench.status().status is Status.ABSENT


def test_the_same_reference_never_charges_twice(bench):
    needs(bench.can.deduplicates, "a repeated reference may charge twice")
    bench.collect()
    with contextlib.suppress(ProviderRejected):  # or accepted as the same one
        bench.provider.collect(bench.asked)

    assert len(bench.world.search(bench.name, bench.asked.reference)) == 1
    bench.pay()
    assert bench.moved() == [bench.asked.amount]


def test_a_lost_answer_is_found_again_or_declared_lost(bench):
    bench.fault("lost_answer", on="create", calls=1)
    with pytest.raises(ProviderUnavailable) as lost:
        bench.collect()
    assert lost.value.sent

    if not bench.can.lookup_by_reference:
        assert bench.status().status is Status.ABSENT
        return
    assert bench.status().status is Status.PENDING
    bench.pay()
    assert bench.status().status is Status.SUCCEEDED
    assert bench.moved() == [bench.asked.amount]


LINE_FAULTS = ["silence", "http_500", "http_429", "html", "truncated", "slow_drip", "lost_answer"]


@pytest.mark.parametrize("kind", LINE_FAULTS)
def test_a_broken_line_while_asking_is_unknown_never_failed(bench, kind):
    bench.collect()
    bench.pay()
    bench.fault(kind, on="read", calls=1)

    with pytest.raises(ProviderUnavailable):
        bench.status()

    assert bench.status().status is Status.SUCCEEDED


@pytest.mark.parametrize("accepted", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("kind", LINE_FAULTS)
def test_a_broken_line_while_collecting_never_becomes_a_refusal_or_two_charges(
    bench, kind, accepted
):
    """Before the provider took the request in, or after: the shop cannot tell which."""
    bench.fault(kind, on="create", calls=1, accepted=accepted)

    answer = attempt(bench)

    if isinstance(answer, Outcome):
        # An empty body cannot be cut in two: the answer was whole after all.
        assert (kind, answer.status) == ("truncated", Status.PENDING)
    assert len(bench.world.search(bench.name, bench.asked.reference)) <= 1
    assert bench.status().status in (Status.PENDING, Status.ABSENT)


def test_when_nobody_listens_at_the_address_nothing_left(bench):
    nowhere = {key: "http://127.0.0.1:9" for key in bench.settings if key.endswith("_url")}
    settings = {**bench.settings, **nowhere}
    prefixed = {f"{bench.name}_{key}".upper(): value for key, value in settings.items()}
    alone = build_providers(prefixed, names=[bench.name])[bench.name]

    with pytest.raises(ProviderUnavailable) as unavailable:
        alone.collect(bench.asked)

    assert unavailable.value.sent is False


def test_another_payment_s_success_is_never_ours(bench):
    bench.collect()
    other = replace(
        bench.asked, reference="PX7K4M2Z", amount=Money(1500, "XOF"), provider_ref=None, memory={}
    )
    ours, bench.asked = bench.asked, other
    bench.collect()
    bench.pay()

    mixed = replace(ours, provider_ref=bench.asked.provider_ref, memory=dict(bench.asked.memory))
    try:
        outcome = bench.provider.collection_status(mixed)
    except ProviderUnavailable:
        return
    assert outcome.status is not Status.SUCCEEDED or outcome.contradiction == "reference"


@pytest.mark.parametrize("kind", ["silence", "http_500", "http_429", "html"])
def test_without_a_token_nothing_leaves(bench, kind):
    bench.fault(kind, on="token", calls=1)
    answer = attempt(bench)

    if isinstance(answer, ProviderUnavailable):  # those without a token call notice nothing
        assert answer.sent is False
        assert bench.world.search(bench.name, bench.asked.reference) == []
        bench.collect()
    assert bench.status().status is Status.PENDING


def test_a_token_that_ended_is_renewed(bench):
    bench.collect()
    bench.pay()

    bench.wait(2 * 86_400)

    assert bench.status().status is Status.SUCCEEDED


def test_a_wrong_amount_is_told_as_it_is(bench):
    needs(bench.can.reports_amount, "it never tells the amount")
    bench.fault("wrong_amount", amount=1400)
    bench.collect()
    bench.pay()

    outcome = bench.status()

    assert (outcome.status, outcome.amount) == (Status.SUCCEEDED, Money(1400, "XOF"))
    assert outcome.contradiction is None
    assert bench.moved() == [Money(1400, "XOF")]


def test_a_wrong_currency_is_a_contradiction(bench):
    needs(bench.can.reports_amount, "it never tells the amount")
    needs(bench.can.reports_currency, "it never tells the currency")
    bench.fault("wrong_currency")
    bench.collect()
    bench.pay()

    outcome = bench.status()

    assert (outcome.status, outcome.contradiction) == (Status.SUCCEEDED, "currency")
    assert outcome.amount == bench.moved()[0]


def test_a_late_success_is_told_though_it_had_expired(bench):
    bench.fault("late_success")
    bench.collect()
    assert bench.world.pay(bench.name, bench.asked.reference, bench.asked.payer)
    bench.expire()
    early = bench.status().status

    bench.wait(120)

    assert early in (Status.PENDING, Status.FAILED)
    assert bench.status().status is Status.SUCCEEDED
    assert bench.moved() == [bench.asked.amount]


def announced(bench: Bench) -> Delivery:
    """The webhook about a payment that was paid."""
    needs(bench.can.webhook, "it sends no webhooks")
    bench.collect()
    bench.pay()
    bench.wait()
    assert len(bench.heard) == 1
    return bench.heard[0]


def proves(bench: Bench, notice: Notice) -> bool:
    """Whether a shop could tell that this message is the provider's own."""
    if notice.authenticity is Authenticity.TOKEN:
        return same_secret(notice.echoed_token or "", bench.echo_token or "nothing")
    return notice.authenticity is Authenticity.SIGNED


def test_a_genuine_webhook_points_at_its_payment(bench):
    delivery = announced(bench)

    notice = bench.read(delivery)

    assert notice.authenticity is bench.can.webhook
    assert not notice.ignorable
    assert notice.reference in (None, bench.asked.reference)
    assert notice.provider_ref in (None, bench.asked.provider_ref)
    if bench.can.webhook is not Authenticity.UNSIGNED:
        assert proves(bench, notice)


def test_a_forged_webhook_proves_nothing_and_pays_nothing(bench):
    needs(bench.can.webhook, "it sends no webhooks")
    bench.fault("forged_webhook")
    bench.collect()
    bench.wait()
    [forged] = bench.heard

    assert forged.forged
    assert not proves(bench, bench.read(forged))
    assert bench.status().status is Status.PENDING
    assert bench.moved() == []


def test_a_replayed_webhook_is_refused_when_old_and_the_same_when_young(bench):
    delivery = announced(bench)

    assert bench.read(delivery) == bench.read(delivery)
    if bench.can.webhook is Authenticity.SIGNED and bench.can.dates_webhooks:
        assert bench.read(delivery, late_s=301).authenticity is Authenticity.REJECTED


def test_another_body_under_the_same_signature_is_refused(bench):
    needs(bench.can.webhook is Authenticity.SIGNED, "nothing covers the body")
    delivery = announced(bench)

    notice = bench.read(delivery, body=delivery.body.replace(b"1500", b"9500"))

    assert notice.authenticity is Authenticity.REJECTED


def test_a_message_without_its_proof_proves_nothing(bench):
    needs(bench.can.webhook is Authenticity.SIGNED, "nothing proves it")
    delivery = announced(bench)
    bare = {name: value for name, value in delivery.headers.items() if name == "Content-Type"}

    assert not proves(bench, bench.read(replace(delivery, headers=bare)))


def test_the_proof_is_found_whatever_the_capitals_of_its_header(bench):
    delivery = announced(bench)
    shouted = {name.upper(): value for name, value in delivery.headers.items()}
    whispered = {name.lower(): value for name, value in delivery.headers.items()}

    assert bench.read(replace(delivery, headers=shouted)) == bench.read(delivery)
    assert bench.read(replace(delivery, headers=whispered)) == bench.read(delivery)


GARBAGE = [b"", b"{", b"[]", b"null", b"\xff\xfe\x00", b'{"a":NaN}', b"[" * 20_000, b"a=b&c=d"]


@pytest.mark.parametrize("body", GARBAGE, ids=range(len(GARBAGE)))
def test_garbage_proves_nothing_and_breaks_nothing(bench, body):
    needs(bench.can.webhook, "it sends no webhooks")
    delivery = announced(bench)

    for headers in (delivery.headers, {}, dict.fromkeys(delivery.headers, "é\x00" * 50)):
        notice = bench.read(replace(delivery, headers=headers), body=body)
        assert notice.authenticity is Authenticity.REJECTED


def test_no_provider_takes_another_s_message_for_a_proof(bench):
    delivery = announced(bench)

    for name in PROVIDERS.keys() - {bench.name}:
        settings = {"base_url": registry.origin(name), **registry.PROVIDERS[name].credentials}
        prefixed = {f"{name}_{key}".upper(): value for key, value in settings.items()}
        stranger = build_providers(prefixed, names=[name])[name]
        notice = stranger.parse_webhook(
            headers=delivery.headers, body=delivery.body, now_s=bench.moment.timestamp()
        )
        assert notice.authenticity is not Authenticity.SIGNED
        assert notice.authenticity is not Authenticity.TOKEN or notice.echoed_token is None


def test_a_message_told_three_times_is_known_by_its_id_or_its_bytes(bench):
    needs(bench.can.webhook, "it sends no webhooks")
    bench.fault("duplicate_webhooks")
    bench.collect()
    bench.pay()
    for _ in range(3):
        bench.wait()

    names = {(bench.read(d).event_id or d.body) for d in bench.heard}
    assert (len(bench.heard), len(names)) == (3, 1)


def test_a_payment_nobody_announced_is_found_by_asking(bench):
    if bench.can.webhook:
        bench.fault("no_webhook")
    bench.collect()
    bench.pay()

    assert bench.heard == []
    assert bench.status().status is Status.SUCCEEDED


def test_a_payment_is_found_again_after_a_crash_from_stored_fields_alone(bench):
    bench.collect()
    bench.pay()
    prefixed = {f"{bench.name}_{key}".upper(): value for key, value in bench.settings.items()}
    session = bench.provider._session

    reborn = build_providers(prefixed, session=session)[bench.name]

    assert reborn.collection_status(bench.asked).status is Status.SUCCEEDED


def test_secrets_and_people_never_reach_the_logs(bench, caplog):
    caplog.set_level(logging.DEBUG)
    for kind in ("http_500", "html"):
        bench.fault(kind, on="create", calls=1)
        with pytest.raises(ProviderError):
            bench.provider.collect(replace(bench.asked, reference=f"A{kind[:7].upper()}"))
    bench.collect()
    bench.pay()
    bench.status()

    private = [bench.asked.payer[1:], "t0k3n", *bench.asked.memory.values()]
    private += [bench.echo_token] if bench.echo_token else []
    private += [v for k, v in bench.settings.items() if k not in ("base_url", "username")]
    said = "\n".join(r.getMessage() for r in caplog.records if r.name.startswith("shop.providers"))
    assert bench.asked.reference in said
    assert not [secret for secret in private if secret in said]


def test_its_list_holds_what_was_paid_in_the_window(bench):
    needs(bench.can.lists, "it has no list")
    began = bench.moment
    bench.collect()
    assert list(bench.provider.listed(began, None)) == []
    bench.pay()

    [listed] = bench.provider.listed(began, None)

    assert (listed.status, listed.amount) == (Status.SUCCEEDED, bench.asked.amount)
    assert listed.transaction_ref == bench.status().transaction_ref
    assert list(bench.provider.listed(began + timedelta(days=1), None)) == []
    assert list(bench.provider.listed(began, began)) == []


def test_a_list_that_breaks_off_is_not_an_empty_list(bench):
    needs(bench.can.lists, "it has no list")
    bench.fault("html", on="read", calls=1)

    with pytest.raises(ProviderUnavailable):
        list(bench.provider.listed(bench.moment, None))
