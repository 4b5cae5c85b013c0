"""The dangerous situations: a campaign that never reached one of them has proved nothing about it."""

from __future__ import annotations

from typing import Final

from shop.orders.states import CLOSED, EDGES, Escrow
from shop.providers import methods
from tests.simulation.plan import PAYEES, PROVIDERS

SENDERS: Final = sorted({methods.get(code).provider for code in PAYEES})

SITUATIONS: Final = {
    **{f"paid_by_{name}": f"money arrives through {name}" for name in PROVIDERS},
    **{
        f"unknown_at_{name}": f"nobody knows what became of a request at {name}"
        for name in PROVIDERS
    },
    **{f"paid_out_by_{name}": f"money leaves through {name}" for name in SENDERS},
    **{
        f"payout_unknown_at_{name}": f"nobody knows what became of a payout at {name}"
        for name in SENDERS
    },
    **{f"refunded_by_{name}": f"{name} gives back what it took" for name in ("wave", "mtn")},
    **{
        f"{stage}_by_{actor}": f"a seller order ends {stage}, by {actor}"
        for stage, actor in sorted(
            (new, actor)
            for edges in EDGES.values()
            for new, actors in edges.items()
            for actor in actors
            if new in CLOSED
        )
    },
    **{
        f"told_{escrow}": f"« Où est mon argent ? » is asked of an order that is {escrow}"
        for escrow in Escrow
        if escrow is not Escrow.NONE
    },
    "dispute_froze_an_order": "a buyer reports a problem while the money is held",
    "dispute_agreed": "the two agree, and the money follows",
    "dispute_executed": "a decision of staff is carried out",
    "dispute_appealed": "a decision is contested, and staff decides for good",
    "staff_was_called": "an order waits for a person of staff",
    "wrong_code": "a wrong hand-over code is typed",
    "code_was_locked": "the right code comes after five wrong ones",
    "shop_was_paid": "a statement takes up released orders",
    "shop_payout_came_back": "a shop's payout fails, and its orders are owed again",
    "two_machines_pay_sellers": "two machines pay the shops at the same time",
    "message_never_came": "a provider announces nothing, ever",
    "payout_killed_after_acceptance": "a process dies between a payout's yes and our commit",
    "payout_killed_while_sending": "a process dies when a payout's request is about to leave",
    "payout_answer_lost_then_found": "a payout's first answer never came, and a question finds it",
    "payout_returned_answer": "a provider says that it will not pay, and the money returns",
    "payout_returned_unsent": "a payout surely never left, and the money returns",
    "payout_returned_people": "two people give back what nobody could tell",
    "payout_returned_absent": "a provider never heard of a payout, seen late enough to count",
    "payout_needs_a_person": "nobody can tell by machine what became of a payout",
    "payout_cancelled": "a payout is taken back before it was sent",
    "payout_asked_twice_at_once": "one withdrawal is asked for by two requests at the same time",
    "payout_refused_for_want_of_funds": "more is asked for than the wallet holds",
    "two_workers_on_one_payout": "a second worker takes a payout whose first worker still lives",
    "request_long_on_its_way": "a request that moves money arrives after everybody stopped waiting",
    "left_after_return": "money leaves after it had been given back",
    "refund_refused": "more is to be given back than came, or than is there",
    "killed_after_acceptance": "a process dies between the provider's yes and our commit",
    "killed_while_sending": "a process dies when its request is about to leave",
    "killed_inside_transaction": "a process dies in the middle of a write transaction",
    "killed_after_commit": "a process dies right after its commit",
    "everybody_killed": "all processes die at once",
    "answer_lost_then_found": "the first answer never came, and a question finds the money asked for",
    "webhook_overtook_reply": "a provider announces a payment whose sender has not heard back yet",
    "forged_webhook_for_pending": "a forger says paid about a payment that is waiting",
    "webhook_for_another_payment": "a message about one payment arrives at another's address",
    "webhook_twice": "the same message arrives twice",
    "late_success_after_failed": "money arrives after its attempt had failed",
    "double_success": "a second attempt brings money for an order that is paid",
    "given_up_brought_money": "an attempt the buyer had left brings the money",
    "stock_gone_at_late_success": "money arrives when the article has been sold to somebody else",
    "short_amount": "less arrives than was asked",
    "surplus": "more arrives than was asked",
    "wrong_currency": "another currency arrives than was asked",
    "two_workers_on_one_payment": "a second worker takes a payment whose first worker still lives",
    "lease_expired_before_asking": "a worker wakes too late to send",
    "stale_lease_was_silent": "a worker with an expired lease comes to write",
    "commit_succeeded_but_error": "a commit succeeds and its client sees an error",
    "form_submitted_twice_at_once": "one form is submitted by two requests at the same time",
    "out_of_stock_at_payment": "the last article goes while another buyer taps",
    "absence_ended_an_attempt": "the provider never heard of an attempt, seen late enough to count",
    "absence_was_too_early": "the provider knows nothing yet, and that means nothing yet",
    "writer_waited": "a writer waits in line for another",
    "bells_lost": "Redis forgets rings that nobody had heard",
    "bell_heard_twice": "one ring starts two workers",
    "skewed_clock_wrote": "a worker whose clock is an hour off writes",
}
