"""Every franc of a refund has its bearer: buyer, seller, platform and provider sum to zero."""

from __future__ import annotations

import os
from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shop.money import Money
from shop.orders import policy
from shop.orders.policy import AboveSale, Bearer, Cause, Parts, Past, Rule, Shares

DAY = date(2026, 11, 21)
#: 200 in a run; POLICY_EXAMPLES=10000 for the campaign.
EXAMPLES = int(os.environ.get("POLICY_EXAMPLES", "200"))
RULES = st.builds(
    Rule,
    price=st.sampled_from(Bearer),
    delivery=st.sampled_from(Bearer),
    commission=st.sampled_from([Bearer.SELLER, Bearer.PLATFORM]),
    fee=st.sampled_from(Bearer),
)


def francs(amount: int) -> Money:
    return Money(amount, "XOF")


@st.composite
def sales(draw):
    price = draw(st.integers(1, 3_000_000))
    return Parts(
        price=price,
        delivery=draw(st.integers(0, 20_000)),
        commission=draw(st.integers(0, price)),
        fee=draw(st.integers(0, 60_000)),
    )


def step(sale: Parts, past: Past, share: int, rule: Rule) -> Shares | None:
    """Refund so many thousandths of what is left; None when nothing is."""
    can = policy.left(sale, past, rule)
    amount = max(1, (can.price + can.delivery) * share // 1_000)
    if not can.price + can.delivery:
        return None
    return policy.next_refund(sale, past, francs(amount), rule)


@settings(max_examples=EXAMPLES, deadline=None)
@given(sales(), st.lists(st.tuples(st.integers(1, 1_000), RULES), min_size=1, max_size=12))
def test_any_sequence_of_refunds_sums_to_zero_and_never_exceeds_a_part(sale, steps):
    past, moved = Past(), dict.fromkeys(Bearer, 0)
    for share, rule in steps:
        made = step(sale, past, share, rule)
        if made is None:
            continue
        past = policy.after(past, made)
        moved[Bearer.BUYER] += made.buyer.amount
        moved[Bearer.SELLER] -= made.seller.amount
        moved[Bearer.PLATFORM] -= made.platform.amount
        moved[Bearer.PROVIDER] -= made.provider.amount

        assert sum(moved.values()) == 0
        back = past.back
        assert (back.price <= sale.price, back.delivery <= sale.delivery) == (True, True)
        assert (back.commission <= sale.commission, back.fee <= sale.fee) == (True, True)
        assert past.undone <= back.price


@settings(max_examples=EXAMPLES, deadline=None)
@given(sales(), st.lists(st.integers(1, 999), max_size=12), st.sampled_from(Cause))
def test_many_small_refunds_end_where_one_large_one_does(sale, shares, cause):
    rule, past = policy.rule(cause, DAY), Past()
    for share in [*shares, 1_000]:
        made = step(sale, past, share, rule)
        past = policy.after(past, made) if made else past

    whole = step(sale, Past(), 1_000, rule)

    assert whole is not None
    assert past == policy.after(Past(), whole)


@pytest.mark.parametrize(
    ("cause", "buyer", "seller", "platform"),
    [
        (Cause.REFUSED, 12_650, 11_400, 1_250),
        (Cause.CHANGED_MIND, 12_500, 11_400, 1_100),
        (Cause.RETURNED, 11_000, 9_900, 1_100),
        (Cause.GOODWILL, 12_500, 12_500, 0),
        (Cause.STAFF, 12_650, 0, 12_650),
    ],
)
def test_a_whole_refund_is_borne_as_the_table_says(cause, buyer, seller, platform):
    sale = Parts(price=11_000, delivery=1_500, commission=1_100, fee=150)

    made = step(sale, Past(), 1_000, policy.rule(cause, DAY))

    assert made is not None
    assert [m.amount for m in (made.buyer, made.seller, made.platform)] == [buyer, seller, platform]


def test_the_odd_franc_of_commission_is_the_sellers():
    """5 % of 99 francs that were 5 francs: a third given back leaves 3 due, not 3.3."""
    made = policy.next_refund(
        Parts(price=99, commission=5), Past(), francs(33), policy.rule(Cause.MISSING, DAY)
    )

    assert (made.commission.amount, made.seller.amount) == (2, 31)


def test_goodwill_leaves_the_commission_and_a_later_refund_does_not_return_it():
    sale, past = Parts(price=1_000, commission=100), Past()
    gift = policy.next_refund(sale, past, francs(500), policy.rule(Cause.GOODWILL, DAY))
    rest = policy.next_refund(
        sale, policy.after(past, gift), francs(500), policy.rule(Cause.MISSING, DAY)
    )

    assert (gift.commission.amount, rest.commission.amount) == (0, 50)


@pytest.mark.parametrize("amount", [0, -1, 1_001])
def test_more_than_is_left_does_not_go_back(amount):
    with pytest.raises(AboveSale) as refused:
        policy.next_refund(
            Parts(price=1_000), Past(), francs(amount), policy.rule(Cause.REFUSED, DAY)
        )

    assert refused.value.left == francs(1_000)


def test_every_cause_has_a_rule_in_every_version_of_the_policy():
    assert all(set(table) == set(Cause) for _since, table in policy.POLICIES)
    assert [since for since, _table in policy.POLICIES] == sorted(
        since for since, _table in policy.POLICIES
    )
