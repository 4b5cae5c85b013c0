"""What an owner decides about being paid: when, by whom, on which proven number."""

from __future__ import annotations

from datetime import datetime

from shop import clock
from shop.accounts import service as accounts
from shop.accounts.models import User
from shop.db import retrying, session, transaction
from shop.earnings.models import PayoutTerms, Schedule
from shop.earnings.service import NUMBER_WAIT, locked_store, next_moment, number_of, terms_of
from shop.money import Money
from shop.notices import messages
from shop.notices import service as notices
from shop.notices.models import Kind
from shop.stores.models import Store


@retrying
def choose(
    store_id: int, schedule: Schedule, *, threshold: Money | None, operator: str | None
) -> None:
    """Change when, and by which operator, a shop is paid."""
    with transaction():
        terms = _written(locked_store(store_id))
        terms.operator = operator
        amount = threshold.amount if threshold else None
        if (terms.schedule, terms.threshold_amount) == (schedule, amount):
            return  # the same choice again does not move the next payout
        terms.schedule, terms.threshold_amount = schedule, amount
        # As after a payout: a shop is first paid at its next regular moment, not at once.
        terms.next_at = next_moment(schedule, paid=True)


@retrying
def change_number(store_id: int, number: str) -> None:
    """Pay another number, which the owner just proved, from a day later on; warn the former one now."""
    with transaction():
        store = locked_store(store_id)
        owner = accounts.by_id(accounts.owner_id(store.owner_id))
        terms = _written(store)
        former = number_of(terms, owner)
        if number == former:
            terms.number, terms.former_number, terms.number_from = number, former, clock.now()
            return
        takes_over = clock.now() + NUMBER_WAIT
        terms.number, terms.former_number, terms.number_from = number, former, takes_over
        # Each number is then sent by its own operator; the wish was about the former one.
        terms.operator = None
        _warn(store, owner, former, takes_over)


def _warn(store: Store, owner: User, former: str, takes_over: datetime) -> None:
    ending = (terms_of(store).number or "")[-4:]
    text = messages.payout_number_changed(store.name, ending, takes_over, language=owner.language)
    for phone in {former, owner.phone}:
        key = f"payout-number:{store.id}:{int(clock.now().timestamp())}:{phone[-8:]}"
        notices.put(key, phone, Kind.PAYOUT_NUMBER, text)


def _written(store: Store) -> PayoutTerms:
    terms = terms_of(store)
    session.add(terms)
    return terms
