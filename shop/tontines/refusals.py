"""Why a circle refuses something: one stable code each, with the facts a person needs to hear."""

from __future__ import annotations

from enum import StrEnum

from shop.errors import Refusal
from shop.money import Money


class Why(StrEnum):
    """Each reason a rule, a member or a round can meet; worded in `wording.py`."""

    RULES_UNREADABLE = "rules_unreadable"
    KIND_OFF = "kind_off"
    SHARES_OUT_OF_RANGE = "shares_out_of_range"
    ROUNDS_NOT_WHOLE = "rounds_not_whole"
    AMOUNT_OUT_OF_RANGE = "amount_out_of_range"
    CURRENCIES_MIXED = "currencies_mixed"
    SETTING_OUT_OF_RANGE = "setting_out_of_range"
    CALENDAR_INCOMPLETE = "calendar_incomplete"
    LATE_POLICY_INCOMPLETE = "late_policy_incomplete"
    LOANS_OFF = "loans_off"
    FLOWS_DO_NOT_MATCH = "flows_do_not_match"
    DEPENDS_ON_RECRUITING = "depends_on_recruiting"
    STRANGERS_NEED_A_DRAW = "strangers_need_a_draw"
    DATE_OUT_OF_ORDER = "date_out_of_order"
    NOT_THE_SAME_SHARES = "not_the_same_shares"
    TOO_MANY_SHARES = "too_many_shares"
    TURNS_TOO_CLOSE = "turns_too_close"
    NEWCOMER_TOO_EARLY = "newcomer_too_early"
    TWO_POTS_ONE_ROUND = "two_pots_one_round"
    ALREADY_SERVED = "already_served"
    SHARE_GONE = "share_gone"
    NOT_YOUR_SHARE = "not_your_share"
    NOT_UP_TO_DATE = "not_up_to_date"
    TOO_NEAR_A_PAYOUT = "too_near_a_payout"
    SWAP_EXPIRED = "swap_expired"
    REMAINDER_DUE = "remainder_due"
    EXIT_NEEDS_REPLACEMENT = "exit_needs_replacement"
    GUARANTOR_NEEDED = "guarantor_needed"
    ANSWER_TIME_RUNNING = "answer_time_running"
    PART_TOO_SMALL = "part_too_small"
    BAD_WORD = "bad_word"
    BAD_SEED = "bad_seed"
    DISCOUNT_OVER_CAP = "discount_over_cap"
    DISCOUNT_TOO_SMALL = "discount_too_small"
    BIDS_CLOSED = "bids_closed"
    LAST_SHARE = "last_share"
    BID_NOT_OPENED = "bid_not_opened"
    SIGNER_IS_RECIPIENT = "signer_is_recipient"
    SIGNER_NOT_OFFICER = "signer_not_officer"
    SIGNATURES_EXPIRED = "signatures_expired"
    OFFICERS_JUST_CHANGED = "officers_just_changed"
    NOT_NOW = "not_now"
    FROZEN = "frozen"
    NOT_FULL = "not_full"
    RULES_NOT_ACCEPTED = "rules_not_accepted"
    BUREAU_INCOMPLETE = "bureau_incomplete"
    NOT_ALLOWED = "not_allowed"
    INVITE_CLOSED = "invite_closed"
    CASH_IS_CONFIRMED_BY_ANOTHER = "cash_is_confirmed_by_another"
    DRAW_NOT_SHOWN = "draw_not_shown"


class TontineRefused(Refusal):
    """A rule of the circle says no; `facts` holds the amounts, limits and names of its sentence."""

    code = "tontine_refused"

    def __init__(self, why: Why, **facts: Money | int | str) -> None:
        super().__init__(" ".join([why, *(f"{name}={fact}" for name, fact in facts.items())]))
        self.code = str(why)
        self.why = why
        self.facts = facts
