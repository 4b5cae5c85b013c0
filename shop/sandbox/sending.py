"""Webhooks on demand: a provider's message about something, whether it happened or not.

What is sent is what this provider really sends, shaped and signed by the same desk. Nothing happens
in the world: no request changes and no money moves, so a shop that believes it is wrong.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum

from shop.money import Money
from shop.sandbox.payouts import Payouts
from shop.sandbox.values import Announcement, Delivery, Desk, Payout, Prompt, State, Why
from shop.sandbox.world import World


class Event(StrEnum):
    """What a message says became of a payment or a payout, in the same words for all providers."""

    PAYMENT_SUCCEEDED = "payment.succeeded"
    PAYMENT_FAILED = "payment.failed"
    PAYMENT_EXPIRED = "payment.expired"
    PAYOUT_SUCCEEDED = "payout.succeeded"
    PAYOUT_FAILED = "payout.failed"


class How(StrEnum):
    """How true a message is."""

    GENUINE = "genuine"
    FORGE = "forge"
    """Somebody else's: a claim of success with a wrong proof, or none where there is none."""
    REPLAY = "replay"
    """The newest message about this reference once more: the same bytes, the same headers."""
    WRONG_AMOUNT = "wrong_amount"
    """Properly signed, with a tenth of the amount missing."""


class NothingToSend(LookupError):
    """There is no such request, or no earlier message to repeat."""


class CannotSend(ValueError):
    """This provider sends no such message."""


@dataclass(frozen=True, slots=True)
class Sent:
    """A message, and what the shop answered."""

    delivery: Delivery
    answered: int | None
    """Its HTTP status; 0 when nobody answered, None when nothing was sent."""


def send(
    world: World, provider: str, event: Event, *, reference: str | None = None,
    how: How = How.GENUINE, dry_run: bool = False,
) -> Sent:  # fmt: skip
    """Send a message about a request, by default the provider's newest one.

    Raises `NothingToSend` or `CannotSend`; with `dry_run` nothing leaves.
    """
    desk = world.desks[provider]
    asked = _about(world, provider, event, reference)
    if how is How.REPLAY:
        delivery = _last(world, desk, asked.reference)
    else:
        delivery = _dressed(world, desk, _worded(world, desk, event, asked, how), asked, how)
    return Sent(delivery, None if dry_run else world.post.send(delivery))


def _about(world: World, provider: str, event: Event, reference: str | None) -> Prompt | Payout:
    """Find the request meant: the newest one with this reference, or of all."""
    found: list[Prompt] | list[Payout]
    if event.startswith("payout."):
        payouts: Payouts = world.payouts
        found = payouts.search(provider, reference) if reference else payouts.latest(1, provider)
    else:
        found = world.search(provider, reference) if reference else world.latest(provider)
    if not found:
        noun, of = event.partition(".")[0], f" {reference}" if reference else ""
        raise NothingToSend(f"{provider} knows no {noun}{of}")
    return found[0]


def _last(world: World, desk: Desk, reference: str) -> Delivery:
    last = world.post.last(desk.name, reference)
    if last is None:
        raise NothingToSend(f"{desk.name} sent nothing about {reference} since it started")
    return last


def _worded(
    world: World, desk: Desk, event: Event, asked: Prompt | Payout, how: How
) -> Announcement:
    event_id = world.event_id()
    if how is How.FORGE and not event.endswith(".succeeded"):
        raise CannotSend("a forger claims success: there is nothing to gain from a failure")
    if how is How.FORGE and isinstance(asked, Prompt):
        letter = desk.forge(asked, event_id=event_id)
    else:
        letter = _said(desk, _imagined(world, desk, event, asked), event_id)
    if letter is None:
        raise CannotSend(f"{desk.name} tells nobody of {event}, or was given no address for it")
    if how is How.WRONG_AMOUNT:
        return _wrong(world, desk, event, asked, event_id, letter)
    return letter


def _wrong(
    world: World, desk: Desk, event: Event, asked: Prompt | Payout, event_id: str,
    right: Announcement,
) -> Announcement:  # fmt: skip
    amount = asked.amount
    less = Money(max(1, amount.amount - -(-amount.amount // 10)), amount.currency)
    letter = _said(desk, _imagined(world, desk, event, replace(asked, amount=less)), event_id)
    if letter is None or letter.body == right.body:
        raise CannotSend(f"{desk.name}'s message holds no amount")
    return letter


def _imagined(world: World, desk: Desk, event: Event, asked: Prompt | Payout) -> Prompt | Payout:
    """Make the request as it would be had this happened to it; only in memory."""
    now = world.now()
    if event.endswith(".succeeded"):
        name = asked.transaction_id or desk.name_money(asked, f"{asked.id:012d}", now)
        done = replace(asked, state=State.SUCCEEDED, reason=None, transaction_id=name)
        done = replace(done, completed_at=now)
        return replace(done, moved=asked.amount) if isinstance(done, Prompt) else done
    failed = State.OPEN if desk.reopens and isinstance(asked, Prompt) else State.FAILED
    state, why = (failed, Why.DECLINED)
    if event is Event.PAYMENT_EXPIRED:
        state, why = desk.expired_state, Why.TIMEOUT
    undone = replace(asked, state=state, reason=why, transaction_id=None, completed_at=now)
    return replace(undone, moved=None) if isinstance(undone, Prompt) else undone


def _said(desk: Desk, asked: Prompt | Payout, event_id: str) -> Announcement | None:
    if isinstance(asked, Prompt):
        return desk.announce(asked, event_id=event_id)
    return desk.announce_payout(asked, event_id=event_id)


def _dressed(
    world: World, desk: Desk, letter: Announcement, asked: Prompt | Payout, how: How
) -> Delivery:
    forged = how is How.FORGE
    headers = desk.headers(letter.body, world.now(), forged=forged)
    return Delivery(
        0, desk.name, asked.reference, letter.method, letter.url, headers, letter.body, 1, forged
    )
