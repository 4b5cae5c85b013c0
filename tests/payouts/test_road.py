"""The road of a payout, from the wallet to the phone or back, through providers that misbehave."""

from __future__ import annotations

from dataclasses import replace

import pytest
import sqlalchemy as sa

from shop import clock, jobs, lanes, payout_decisions, payout_settlement, refunds
from shop.accounts.models import User
from shop.db import session, transaction
from shop.errors import Conflict, InsufficientFunds
from shop.leases import Answer
from shop.ledger import chart
from shop.money import Money
from shop.notices.models import Notice
from shop.payouts import reading
from shop.payouts import service as payouts
from shop.payouts.models import Payout
from shop.payouts.states import Evidence, PayoutPurpose, PayoutStatus
from shop.providers import PROVIDERS, methods
from shop.providers.methods import AmountRefused
from shop.providers.reasons import Reason
from shop.providers.values import Outcome, ProviderRejected, ProviderUnavailable, Status
from shop.sandbox.faults import FaultKind
from shop.signals import payout_settled
from shop.switches import service as switches
from shop.switches.models import Kind
from tests.databases import both_databases
from tests.marketplace import know_number
from tests.street import PAYEES, Street

AMOUNT = Money(5_000, "XOF")
HELD = Money(8_000, "XOF")


def provider_name(method: str) -> str:
    return method.partition("-")[0]


def wallet_of(street: Street, payout: Payout) -> Money:
    session.rollback()
    return street.balance(chart.wallet(payout.user_id, "XOF"))


def hold_of(street: Street, payout: Payout) -> Money:
    return street.balance(chart.hold(payout.reference, "XOF"))


def settle(payout: Payout, said: object, *, submitted: bool = False) -> int:
    """Bring an answer by the one road, on a fresh lease."""
    session.rollback()
    with transaction():
        claim = payouts.lease(payouts.locked([payout.id])[payout.id], refunds.question_of)
    return payout_settlement.settle_payouts([Answer(claim, said, clock.now(), submitted)])


def gone(ref: str = "T1", **how: object) -> Outcome:
    return Outcome(Status.SUCCEEDED, transaction_ref=ref, **how)


def owner_of(payout: Payout) -> User:
    session.rollback()
    return session.get_one(User, payout.user_id)


def claimed(street: Street, payout: Payout) -> payouts.Claim:
    """Lease a payout to a sender that may die now."""
    with transaction():
        (claim,) = refunds.claim_sends(payout.provider, 1)
    return claim


def evidence(payout: Payout) -> str | None:
    return reading.events_of(payout.id)[-1].evidence


def told(kind: str) -> list[str]:
    session.rollback()
    return list(session.scalars(sa.select(Notice.text).where(Notice.kind == kind)))


@pytest.fixture
def sent(street: Street) -> Payout:
    """A payout the provider has accepted."""
    return street.withdraw(street.fund(HELD), AMOUNT)


@pytest.fixture
def lost(street: Street) -> Payout:
    """A payout whose request met silence: nobody knows whether it left."""
    street.world.faults.add("fedapay", FaultKind.SILENCE, on="pay_out", calls=1)
    payout = street.withdraw(street.fund(HELD), AMOUNT)
    assert payout.status == "unknown"
    return payout


# -- the whole way --------------------------------------------------------------------------------


@both_databases
@pytest.mark.parametrize("method", PAYEES)
def test_a_withdrawal_arrives_once(street: Street, method: str):
    user = street.fund(HELD, provider_name(method))
    payout = street.withdraw(user, AMOUNT, method)
    # Some providers answer that they took it on, some that it is done.
    held = {"pending": AMOUNT, "succeeded": Money(0, "XOF")}[payout.status]
    assert (wallet_of(street, payout), hold_of(street, payout)) == (HELD - AMOUNT, held)

    street.pass_(120)

    payout = street.payout(payout)
    assert (payout.status, evidence(payout)) == ("succeeded", "answer")
    assert wallet_of(street, payout) == HELD - AMOUNT
    assert hold_of(street, payout).amount == 0
    left = HELD - AMOUNT - Money(payout.fee_amount, "XOF")
    assert street.balance(chart.float_at(payout.provider, "XOF")) == left
    assert [p.amount for p in street.world.payouts.book()] == [AMOUNT]
    assert street.findings() == []


@both_databases
@pytest.mark.parametrize("method", PAYEES)
def test_a_payee_without_an_account_gives_the_money_back(street: Street, method: str):
    user = street.fund(HELD, provider_name(method))
    payout = street.withdraw(user, AMOUNT, method, payee=PAYEES[method][:-2] + "99")

    street.pass_(120)

    payout = street.payout(payout)
    assert (payout.status, evidence(payout)) == ("failed", "answer")
    assert payout.reason
    assert wallet_of(street, payout) == HELD
    assert street.world.payouts.book() == []
    assert street.findings() == []


def test_the_money_is_set_apart_at_once(street: Street):
    payout = street.request(street.fund(HELD), AMOUNT)

    assert payout.status == "requested"
    assert (wallet_of(street, payout), hold_of(street, payout)) == (HELD - AMOUNT, AMOUNT)
    assert street.findings() == []


def test_more_than_the_wallet_holds_is_refused_and_nothing_is_written(street: Street):
    user = street.fund(HELD)

    with pytest.raises(InsufficientFunds):
        street.request(user, HELD + Money(1_000, "XOF"))

    assert session.scalar(sa.select(sa.func.count(Payout.id))) == 0
    assert street.balance(chart.wallet(user.id, "XOF")) == HELD


def test_an_amount_the_method_does_not_take_is_refused_before_anything(street: Street):
    with pytest.raises(AmountRefused):
        street.request(street.fund(HELD), Money(1, "XOF"))

    assert session.scalar(sa.select(sa.func.count(Payout.id))) == 0


def test_the_same_form_gives_the_first_payout(street: Street):
    user = street.fund(HELD)

    first = street.request(user, AMOUNT, form_key="one")
    second = street.request(user, AMOUNT, form_key="one")

    assert first.id == second.id
    assert wallet_of(street, first) == HELD - AMOUNT
    with pytest.raises(Conflict):
        street.request(user, Money(1_000, "XOF"), form_key="one")
    with pytest.raises(Conflict):
        street.request(user, AMOUNT, payee="+2290161020305", form_key="one")


def test_whoever_asked_is_told_each_fact_once(street: Street, sent: Payout):
    street.pass_(60)
    settle(sent, gone(street.payout(sent).transaction_ref))

    assert [len(told(kind)) for kind in ("payout_sent", "payout_arrived")] == [1, 1]
    assert told("payout_returned") == []


def test_the_end_is_signalled_after_the_commit(street: Street, sent: Payout):
    heard = []

    def hear(reference: str) -> None:
        heard.append((reference, street.payout(sent).status))

    with payout_settled.connected_to(hear):
        street.pass_(60)

    assert heard == [(sent.reference, "succeeded")]


# -- silence, crashes and lost answers ------------------------------------------------------------


@pytest.mark.parametrize("method", ["fedapay-mtn-bj", "cinetpay-orange-ci", "feexpay-mtn-bj"])
def test_a_lost_answer_is_found_by_our_reference(street: Street, method: str):
    name = provider_name(method)
    street.world.faults.add(name, FaultKind.LOST_ANSWER, on="pay_out", calls=1)
    payout = street.withdraw(street.fund(HELD, name), AMOUNT, method)
    assert payout.status == "unknown"
    assert wallet_of(street, payout) == HELD - AMOUNT

    street.pass_(300)

    assert street.payout(payout).status == "succeeded"
    assert len(street.world.payouts.book()) == 1
    assert street.findings() == []


def test_a_lost_answer_is_found_by_what_a_signed_message_says(street: Street):
    """GetMiPay cannot be asked by our reference: its own id comes back only on our address."""
    street.world.faults.add("getmipay", FaultKind.LOST_ANSWER, on="pay_out", calls=1)
    payout = street.withdraw(street.fund(HELD, "getmipay"), AMOUNT, "getmipay-wave-bf")
    assert (payout.status, payout.provider_ref) == ("unknown", None)

    street.pass_(300)

    payout = street.payout(payout)
    assert payout.provider_ref is not None
    assert payout.status == "succeeded"
    assert street.findings() == []


def test_without_that_message_only_a_person_can_tell(street: Street):
    street.world.faults.add("getmipay", FaultKind.LOST_ANSWER, on="pay_out", calls=1)
    street.world.post.deliver = lambda _delivery: 0
    payout = street.withdraw(street.fund(HELD, "getmipay"), AMOUNT, "getmipay-wave-bf")

    street.pass_(86_400 + 7_200)

    payout = street.payout(payout)
    assert payout.status == "review"
    assert hold_of(street, payout) == AMOUNT  # never back in the wallet by absence alone
    assert {finding.rule for finding in street.findings()} == {"payout_oracle"}


def test_silence_keeps_the_money_apart_and_what_never_started_goes_to_people(
    street: Street, lost: Payout
):
    """FedaPay made the payout before the silent call: it is there, and nobody ever started it."""
    street.pass_(60)
    assert street.payout(lost).status == "unknown"
    assert wallet_of(street, lost) == HELD - AMOUNT

    street.pass_(600)

    assert street.payout(lost).status == "review"
    assert hold_of(street, lost) == AMOUNT
    assert street.findings() == []


def long_lost(street: Street, method: str) -> Payout:
    """A payout whose request met silence, asked about until its absence is certain."""
    provider = provider_name(method)
    street.world.faults.add(provider, FaultKind.SILENCE, on="pay_out", calls=1)
    payout = street.withdraw(street.fund(HELD, provider), AMOUNT, method)
    timing = payouts.provider_of(payout).timing
    certain_s = timing.lease_s + timing.total_s + timing.visibility_lag_s

    street.pass_(certain_s - 5)
    assert street.payout(payout).status == "unknown"
    assert wallet_of(street, payout) == HELD - AMOUNT
    street.pass_(600)
    return street.payout(payout)


def test_silence_before_anything_was_made_returns_the_money_once_absence_is_certain(
    street: Street,
):
    payout = long_lost(street, "mtn-ci")

    assert (payout.status, payout.reason, evidence(payout)) == ("failed", "operator_down", "absent")
    assert wallet_of(street, payout) == HELD
    assert street.findings() == []


def test_where_a_reference_is_no_key_to_payouts_a_person_decides(street: Street):
    """CinetPay refuses a repeated payment, and says nothing of repeated transfers (W5)."""
    payout = long_lost(street, "cinetpay-orange-ci")

    assert payout.status == "review"
    assert hold_of(street, payout) == AMOUNT
    assert street.findings() == []


def test_nobody_waits_for_ever_for_an_answer(street: Street, sent: Payout):
    """A payout that stays on its way past the provider's finality is looked at by a person."""
    finality_s = payouts.provider_of(sent).timing.finality_s
    street.time.pass_(seconds=finality_s)
    settle(sent, Outcome(Status.PENDING, words="processing"))

    assert street.payout(sent).status == "review"
    street.pass_(2 * 86_400)
    assert street.payout(sent).status == "succeeded"  # and an exact answer still ends it
    assert street.findings() == []


def test_an_absence_seen_early_means_nothing(street: Street, lost: Payout):
    settle(lost, Outcome(Status.ABSENT, words="no such payout"))

    assert street.payout(lost).status == "unknown"
    assert hold_of(street, lost) == AMOUNT


def test_an_absence_from_a_provider_that_does_not_deduplicate_goes_to_people(street: Street):
    street.world.faults.add("feexpay", FaultKind.SILENCE, on="pay_out", calls=1)
    payout = street.withdraw(street.fund(HELD, "feexpay"), AMOUNT, "feexpay-mtn-bj")
    assert payout.status == "unknown"

    street.pass_(600)

    assert street.payout(payout).status == "review"
    assert hold_of(street, payout) == AMOUNT
    assert street.findings() == []


def test_what_was_accepted_is_not_absent(street: Street, sent: Payout):
    street.time.pass_(hours=2)
    settle(sent, Outcome(Status.ABSENT, words="no such payout"))

    assert street.payout(sent).status == "pending"


def test_a_sender_killed_between_claim_and_call_moves_nothing(street: Street):
    payout = street.request(street.fund(HELD), AMOUNT)
    claimed(street, payout)

    assert street.payout(payout).status == "sending"
    street.pass_(600)

    payout = street.payout(payout)
    assert (payout.status, evidence(payout)) == ("failed", "absent")
    assert wallet_of(street, payout) == HELD
    assert street.world.payouts.book() == []
    assert street.findings() == []


def test_a_sender_killed_between_call_and_record_sends_once(street: Street):
    payout = street.request(street.fund(HELD), AMOUNT)
    claim = claimed(street, payout)
    payouts.provider_of(payout).pay_out(claim.question)

    street.pass_(600)

    assert street.payout(payout).status == "succeeded"
    assert len(street.world.payouts.book()) == 1
    assert street.findings() == []


def test_a_sender_that_wakes_after_its_lease_does_not_send(street: Street):
    payout = street.request(street.fund(HELD), AMOUNT)
    claim = claimed(street, payout)
    street.time.pass_(seconds=40)

    answer = jobs._ask_one(payouts.provider_of(payout), claim, jobs._send, submitted=True)

    assert answer is None
    assert street.world.payouts.search("fedapay", payout.reference) == []


def test_an_answer_under_an_old_lease_changes_nothing(street: Street, sent: Payout):
    with transaction():
        old = payouts.lease(payouts.locked([sent.id])[sent.id], refunds.question_of)
        payouts.lease(payouts.locked([sent.id])[sent.id], refunds.question_of)

    payout_settlement.settle_payouts([Answer(old, gone(), clock.now(), submitted=False)])

    assert street.payout(sent).status == "pending"


def test_what_surely_never_left_comes_back_at_once(street: Street):
    payout = street.request(street.fund(HELD), AMOUNT)
    with transaction():
        (claim,) = refunds.claim_sends("fedapay", 1)
    silence = ProviderUnavailable("fedapay: refused to connect", sent=False)

    payout_settlement.settle_payouts([Answer(claim, silence, clock.now(), submitted=True)])

    payout = street.payout(payout)
    assert (payout.status, payout.reason, evidence(payout)) == ("failed", "operator_down", "unsent")
    assert wallet_of(street, payout) == HELD


def test_a_refused_question_is_no_answer(street: Street, sent: Payout):
    settle(sent, ProviderRejected(Reason.MISCONFIGURED, "401", "bad key"))

    assert street.payout(sent).status == "pending"
    assert hold_of(street, sent) == AMOUNT


def test_while_the_provider_rests_payouts_wait_as_requested(street: Street, monkeypatch):
    payout = street.request(street.fund(HELD), AMOUNT)
    fedapay = payouts.provider_of(payout)
    monkeypatch.setattr(fedapay, "is_resting", lambda operation="collect": operation == "pay_out")

    street.pass_(300)
    assert street.payout(payout).status == "requested"
    assert payouts.payout_methods("BJ", "mtn", "XOF")[0].provider != "fedapay"

    monkeypatch.undo()
    street.pass_(60)
    assert street.payout(payout).status == "succeeded"
    assert street.findings() == []


def test_after_a_rest_payouts_leave_one_by_one(street: Street, monkeypatch):
    user = street.fund(HELD)
    for _ in range(4):
        street.request(user, Money(1_000, "XOF"))
    fedapay = street.app.extensions["providers"]["fedapay"]
    monkeypatch.setattr(fedapay, "is_on_trial", lambda _operation: True)

    with transaction():
        assert len(refunds.claim_sends("fedapay", 8)) == 1


def test_each_kind_of_work_has_lanes_of_its_own():
    """A payout whose provider hangs delays no payment, no other provider and no question."""
    kinds = {ask.__name__ for ask in (jobs._submit, jobs._verify, jobs._send, jobs._trace)}

    assert len(kinds) == 4
    assert len(kinds) * len(PROVIDERS) <= lanes.MOST_LANES


# -- what contradicts -----------------------------------------------------------------------------


@both_databases
def test_money_that_leaves_after_its_return_is_booked_and_taken_back(street: Street, sent: Payout):
    settle(sent, Outcome(Status.FAILED, words="no money seen"))
    assert wallet_of(street, sent) == HELD

    street.pass_(600)  # the provider sent it all the same

    payout = street.payout(sent)
    assert payout.status == "failed"  # an ended payout keeps its end
    assert payout.late_ref == street.world.payouts.book()[0].transaction_id
    assert wallet_of(street, payout) == HELD - AMOUNT
    assert street.balance(chart.debt(payout.user_id, "XOF")).amount == 0
    assert street.balance(chart.float_at("fedapay", "XOF")) == HELD - AMOUNT
    assert len(told("payout_late")) == 1
    assert street.findings() == []


def test_what_was_spent_meanwhile_is_a_debt_that_people_see(street: Street, sent: Payout):
    settle(sent, Outcome(Status.FAILED, words="no money seen"))
    other = street.request(owner_of(sent), Money(6_000, "XOF"))

    street.pass_(600)

    assert street.payout(sent).late_ref
    assert street.payout(other).status == "succeeded"
    assert wallet_of(street, sent).amount == 0
    assert street.balance(chart.debt(sent.user_id, "XOF")) == Money(3_000, "XOF")
    assert [finding.rule for finding in street.findings()] == ["nobody_owes"]


@pytest.mark.parametrize(
    "said",
    [
        gone(amount=Money(4_999, "XOF")),
        gone(amount=Money(5_000, "XAF")),
        gone(contradiction="reference"),
    ],
    ids=["amount", "currency", "reference"],
)
def test_a_success_that_does_not_match_waits_for_people(street: Street, sent: Payout, said):
    settle(sent, said)

    assert street.payout(sent).status == "review"
    assert hold_of(street, sent) == AMOUNT
    settle(sent, Outcome(Status.FAILED, words="no"))
    assert street.payout(sent).status == "review"  # a machine returns nothing from there


def test_a_transaction_of_another_payout_proves_nothing(street: Street, sent: Payout):
    street.pass_(60)
    used = street.payout(sent).transaction_ref
    other = street.withdraw(owner_of(sent), Money(1_000, "XOF"))

    settle(other, gone(used))

    assert street.payout(other).status == "review"


def test_an_exact_success_ends_a_review(street: Street, lost: Payout):
    with transaction():
        payout = payouts.locked([lost.id])[lost.id]
        payouts.move(payout, PayoutStatus.REVIEW, "clock", "undecided")

    settle(lost, gone("T9", amount=AMOUNT))

    assert street.payout(lost).status == "succeeded"
    assert evidence(street.payout(lost)) == Evidence.ANSWER


def test_a_failure_after_success_is_kept_for_people(street: Street, sent: Payout):
    street.pass_(60)

    settle(sent, Outcome(Status.FAILED, words="reversed"))

    assert street.payout(sent).status == "succeeded"
    assert "reversed" in reading.events_of(sent.id)[-1].words
    assert wallet_of(street, sent) == HELD - AMOUNT


def test_the_fee_the_provider_tells_is_booked(street: Street, sent: Payout):
    settle(sent, gone("T1", fee=Money(50, "XOF")))

    assert street.payout(sent).fee_amount == 50
    assert street.balance(chart.expense("provider-fees", "XOF")).amount == 50
    assert street.balance(chart.float_at("fedapay", "XOF")).amount == 3_000 - 50


def test_a_poisoned_answer_parks_alone(street: Street):
    user = street.fund(HELD)
    first, second = (street.withdraw(user, Money(1_000, "XOF")) for _ in range(2))
    with transaction():
        rows = payouts.locked([first.id, second.id])
        claims = [payouts.lease(row, refunds.question_of) for row in rows.values()]
    nameless = replace(gone(), transaction_ref=None)
    answers = [
        Answer(claim, said, clock.now(), submitted=False)
        for claim, said in zip(claims, [nameless, gone("T2")], strict=True)
    ]

    assert payout_settlement.settle_payouts(answers) == 1

    assert [street.payout(p).status for p in (first, second)] == ["pending", "succeeded"]


# -- people ---------------------------------------------------------------------------------------


def test_a_held_payout_leaves_when_its_time_comes(street: Street):
    payout = street.request(street.fund(HELD), AMOUNT)
    with transaction():
        row = payouts.locked([payout.id])[payout.id]
        payouts.hold(row, "clock", "new_number", clock.after(3_600))

    street.pass_(1_800)
    assert street.payout(payout).status == "held"
    street.pass_(1_900)

    assert street.payout(payout).status == "succeeded"
    assert street.findings() == []


def test_one_held_for_a_person_waits_for_ever(street: Street):
    payout = street.request(street.fund(HELD), AMOUNT)
    with transaction():
        payouts.hold(payouts.locked([payout.id])[payout.id], "clock", "large")

    street.pass_(86_400)

    assert street.payout(payout).status == "held"
    with transaction():
        payouts.release(payouts.locked([payout.id])[payout.id], "Awa")
    street.pass_(60)
    assert street.payout(payout).status == "succeeded"


def test_what_was_not_sent_can_be_cancelled(street: Street):
    payout = street.request(street.fund(HELD), AMOUNT)

    payout_decisions.cancel_payout(payout.id, "user")

    assert street.payout(payout).status == "cancelled"
    assert wallet_of(street, payout) == HELD
    street.pass_(600)
    assert street.world.payouts.search("fedapay", payout.reference) == []
    assert street.findings() == []


def test_what_was_sent_cannot(street: Street, sent: Payout):
    with pytest.raises(payouts.NotCancellable):
        payout_decisions.cancel_payout(sent.id, "user")

    assert hold_of(street, sent) == AMOUNT


def test_a_failed_payout_is_sent_anew_once(street: Street):
    user = street.fund(HELD)
    payout = street.withdraw(user, AMOUNT)
    settle(payout, Outcome(Status.FAILED, words="limit"))

    again = payout_decisions.retry_payout(payout.id, "Awa", "wrong number")
    twice = payout_decisions.retry_payout(payout.id, "Awa", "wrong number")

    assert again.id == twice.id != payout.id
    assert again.reference != payout.reference
    assert wallet_of(street, again) == HELD - AMOUNT


def test_only_a_failed_payout_is_sent_anew(street: Street, sent: Payout):
    with pytest.raises(payouts.NotRetryable):
        payout_decisions.retry_payout(sent.id, "Awa")


def in_review(street: Street, payout: Payout) -> Payout:
    settle(payout, gone(contradiction="reference"))
    return street.payout(payout)


@pytest.mark.parametrize("to", [PayoutStatus.SUCCEEDED, PayoutStatus.FAILED])
def test_two_people_end_a_review(street: Street, sent: Payout, to: PayoutStatus):
    payout = in_review(street, sent)
    ref = "T77" if to is PayoutStatus.SUCCEEDED else None

    payout_decisions.resolve_payout(payout.id, to, "Awa", "seen in the portal", ref)
    assert street.payout(payout).status == "review"
    with pytest.raises(payout_decisions.SecondPersonNeeded):
        payout_decisions.resolve_payout(payout.id, to, " awa ", "seen in the portal", ref)
    payout_decisions.resolve_payout(payout.id, to, "Koffi", "seen as well", ref)

    payout = street.payout(payout)
    assert (payout.status, evidence(payout)) == (to, "people")
    assert hold_of(street, payout).amount == 0
    back = to is PayoutStatus.FAILED
    assert wallet_of(street, payout) == (HELD if back else HELD - AMOUNT)


def test_two_people_who_disagree_end_nothing(street: Street, sent: Payout):
    payout = in_review(street, sent)

    payout_decisions.resolve_payout(payout.id, PayoutStatus.FAILED, "Awa", "not there")
    payout_decisions.resolve_payout(payout.id, PayoutStatus.SUCCEEDED, "Koffi", "there", "T7")

    assert street.payout(payout).status == "review"
    assert hold_of(street, payout) == AMOUNT


def test_what_people_gave_back_is_still_looked_for(street: Street, sent: Payout):
    payout = in_review(street, sent)
    for person in ("Awa", "Koffi"):
        payout_decisions.resolve_payout(payout.id, PayoutStatus.FAILED, person, "not there")

    street.world.post.deliver = lambda _message: 0  # nobody is told
    street.pass_(600)  # it left all the same

    assert street.payout(payout).late_ref == street.world.payouts.book()[0].transaction_id
    assert wallet_of(street, payout) == HELD - AMOUNT
    assert street.findings() == []


@both_databases
def test_what_no_late_look_would_find_is_given_back_after_the_next_statement(street: Street):
    street.world.faults.add("moov", FaultKind.SILENCE, on="pay_out", calls=1)
    payout = street.withdraw(street.fund(HELD, "moov"), AMOUNT, "moov-bj")
    while street.payout(payout).status != "review":
        street.pass_(3_600)

    with pytest.raises(payout_decisions.TooEarlyToGiveBack):
        payout_decisions.resolve_payout(payout.id, PayoutStatus.FAILED, "Awa", "not there")
    assert wallet_of(street, payout) == HELD - AMOUNT

    street.pass_(86_400)
    for person in ("Awa", "Koffi"):
        payout_decisions.resolve_payout(payout.id, PayoutStatus.FAILED, person, "not there")
    assert wallet_of(street, payout) == HELD


def test_nobody_decides_about_what_runs(street: Street, sent: Payout):
    with pytest.raises(payout_decisions.NotInReview):
        payout_decisions.resolve_payout(sent.id, PayoutStatus.FAILED, "Awa", "impatient")


def test_a_stopped_provider_sends_nothing_until_it_may_again(street: Street):
    user = street.fund(HELD)
    switches.turn_on("fedapay:pay_out", Kind.PAUSED, by_whom="awa", reason="float low")

    payout = street.withdraw(user, AMOUNT)
    street.pass_(120)

    assert street.payout(payout).status == "requested"
    assert "fedapay" not in {m.provider for m in payouts.payout_methods("BJ", "mtn", "XOF")}
    assert hold_of(street, payout) == AMOUNT

    switches.turn_off("fedapay:pay_out", Kind.PAUSED)
    street.pass_(120)

    assert street.payout(payout).status == "succeeded"


def test_a_provider_whose_breaker_rests_is_chosen_last(street: Street):
    first = payouts.payout_methods("BJ", "mtn", "XOF")[0].provider
    switches.turn_on(f"{first}:pay_out", Kind.RESTING, by_whom="worker", reason="silence")

    offered = [m.provider for m in payouts.payout_methods("BJ", "mtn", "XOF")]

    assert len(offered) > 1
    assert offered[-1] == first


def test_a_caller_who_survives_an_empty_wallet_has_written_no_payout(street: Street):
    """Committed without its money, the row would be sent: francs out of nowhere."""
    user = street.fund(HELD)
    know_number(user.id, PAYEES["fedapay-mtn-bj"])
    intent = payouts.Intent(
        purpose=PayoutPurpose.WITHDRAWAL,
        user_id=user.id,
        method=methods.get("fedapay-mtn-bj"),
        payee_phone=PAYEES["fedapay-mtn-bj"],
        amount=HELD + AMOUNT,
        source=chart.wallet(user.id, "XOF"),
        form_key="f" * 20,
    )

    with transaction(), pytest.raises(InsufficientFunds):
        payouts.request(intent)
    street.pass_(120)

    assert session.scalar(sa.select(sa.func.count(Payout.id))) == 0
    assert street.world.payouts.book() == []
    assert street.findings() == []
