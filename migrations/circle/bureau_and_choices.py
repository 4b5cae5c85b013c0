"""The tables of what bureaus and members decide (migration 0019)."""

from __future__ import annotations

import sqlalchemy as sa

from migrations.circle.shapes import check, index, moment, table, text, unique, whole


def bureau() -> None:
    """Signatures, counted pots, meetings, relief, the book."""
    table(
        "tontine_order",
        whole("tontine_id", to="tontine"),
        text("action", 10),
        whole("target_id"),
        whole("recipient_id", to="tontine_member", nullable=True),
        whole("amount"),
        text("payload_sha256", 64),
        whole("requested_by", to="tontine_member", nullable=True),
        moment("asked_at"),
        moment("expires_at"),
        text("status", 10),
        whole("third_id", to="tontine_member", nullable=True),
        check("tontine_order", "action", "action IN ('correction', 'pot', 'relief', 'waiver')"),
        check("tontine_order", "amount", "amount > 0"),
        check(
            "tontine_order", "status", "status IN ('done', 'expired', 'open', 'refused', 'signed')"
        ),
    )
    index("ix_tontine_order_tontine_id", "tontine_order", ["tontine_id"])
    index(
        "uq_tontine_order_living",
        "tontine_order",
        ["action", "target_id"],
        unique=True,
        where="status NOT IN ('expired', 'refused')",
    )
    table(
        "tontine_signature",
        whole("order_id", to="tontine_order"),
        whole("member_id", to="tontine_member"),
        moment("at"),
        unique("tontine_signature", "order_id", "member_id"),
    )
    table(
        "tontine_turn",
        whole("round_id", to="tontine_round"),
        whole("share_id", to="tontine_share"),
        whole("user_id", to="user"),
        whole("gross"),
        whole("discount"),
        whole("set_off"),
        whole("retention"),
        whole("fee"),
        whole("net"),
        whole("reliquat"),
        text("status", 10),
        whole("order_id", to="tontine_order", nullable=True),
        check(
            "tontine_turn",
            "adds_up",
            "gross - discount - set_off - retention - fee = net AND discount >= 0 AND set_off >= 0 AND retention >= 0 AND fee >= 0 AND net >= 0 AND reliquat >= 0",
        ),
        check("tontine_turn", "status", "status IN ('approved', 'eligible', 'received')"),
        unique("tontine_turn", "share_id"),
    )
    index("ix_tontine_turn_round_id", "tontine_turn", ["round_id"])
    table(
        "tontine_line",
        whole("turn_id", to="tontine_turn"),
        whole("seq"),
        text("kind", 14),
        text("source", 80),
        text("target", 80),
        whole("amount"),
        check("tontine_line", "amount", "amount > 0"),
        unique("tontine_line", "turn_id", "seq"),
    )
    table(
        "tontine_claim",
        whole("round_id", to="tontine_round"),
        whole("seq"),
        text("kind", 12),
        text("place", 40),
        whole("share_id", to="tontine_share", nullable=True),
        whole("amount"),
        whole("filled"),
        check("tontine_claim", "filled", "amount > 0 AND filled BETWEEN 0 AND amount"),
        check("tontine_claim", "kind", "kind IN ('reliquat', 'cover_repaid')"),
        unique("tontine_claim", "round_id", "seq"),
    )
    table(
        "tontine_exit",
        whole("cycle_id", to="tontine_cycle"),
        whole("share_id", to="tontine_share"),
        whole("user_id", to="user"),
        text("reason", 10),
        whole("refund"),
        whole("exit_fee"),
        whole("fines"),
        whole("to_rounds"),
        moment("left_at"),
        moment("settled_at", nullable=True),
        check(
            "tontine_exit",
            "amounts",
            "refund >= 0 AND exit_fee >= 0 AND fines >= 0 AND to_rounds >= 0",
        ),
        check("tontine_exit", "reason", "reason IN ('withdrawn', 'excluded', 'deceased')"),
        unique("tontine_exit", "share_id"),
    )
    index("ix_tontine_exit_cycle_id", "tontine_exit", ["cycle_id"])
    table(
        "tontine_guarantor",
        whole("share_id", to="tontine_share"),
        whole("member_id", to="tontine_member"),
        whole("cap"),
        sa.Column("pays_alone", sa.Boolean(), nullable=False),
        text("status", 10),
        moment("accepted_at", nullable=True),
        check("tontine_guarantor", "cap", "cap > 0"),
        check("tontine_guarantor", "status", "status IN ('asked', 'accepted', 'released')"),
        unique("tontine_guarantor", "share_id", "member_id"),
    )
    index("ix_tontine_guarantor_member_id", "tontine_guarantor", ["member_id"])
    table(
        "tontine_meeting",
        whole("tontine_id", to="tontine"),
        whole("round_id", to="tontine_round", nullable=True),
        moment("held_at"),
        text("place", 120),
        text("status", 10),
        sa.Column("minutes", sa.Text(), nullable=False),
        whole("opened_by", to="tontine_member"),
        moment("created_at"),
        moment("closed_at", nullable=True),
        check("tontine_meeting", "status", "status IN ('open', 'closed')"),
    )
    index("ix_tontine_meeting_tontine_id", "tontine_meeting", ["tontine_id"])
    table(
        "tontine_attendance",
        whole("meeting_id", to="tontine_meeting"),
        whole("member_id", to="tontine_member"),
        text("presence", 12),
        check(
            "tontine_attendance",
            "presence",
            "presence IN ('absent', 'excused', 'late', 'present', 'represented')",
        ),
        key=("meeting_id", "member_id"),
    )
    table(
        "tontine_relief_claim",
        whole("tontine_id", to="tontine"),
        whole("member_id", to="tontine_member"),
        text("reason", 20),
        text("words", 300),
        whole("amount"),
        whole("paid_amount", nullable=True),
        text("status", 10),
        moment("asked_at"),
        check("tontine_relief_claim", "amount", "amount > 0"),
        check("tontine_relief_claim", "paid", "(status = 'paid') = (paid_amount IS NOT NULL)"),
        check("tontine_relief_claim", "status", "status IN ('asked', 'paid', 'refused')"),
    )
    index("ix_tontine_relief_claim_tontine_id", "tontine_relief_claim", ["tontine_id"])
    table(
        "tontine_event",
        whole("tontine_id", to="tontine"),
        whole("seq"),
        moment("at"),
        whole("actor_id", to="user", nullable=True),
        text("what", 24),
        sa.Column("facts", sa.Text(), nullable=False),
        text("prev_hash", 64),
        text("hash", 64),
        check("tontine_event", "seq", "seq > 0"),
        unique("tontine_event", "tontine_id", "seq"),
    )


def choices() -> None:
    """Draws, auctions, swaps, votes."""
    table(
        "tontine_draw",
        whole("cycle_id", to="tontine_cycle"),
        whole("round_id", to="tontine_round", nullable=True),
        sa.Column("codes", sa.Text(), nullable=False),
        text("share_list_hash", 64),
        text("commitment", 64),
        text("sealed_seed", 128),
        text("beacon_kind", 60, nullable=True),
        text("beacon", 100, nullable=True),
        moment("words_close_at"),
        text("seed", 64, nullable=True),
        sa.Column("order_text", sa.Text(), nullable=True),
        text("status", 10),
        moment("created_at"),
        moment("revealed_at", nullable=True),
        check(
            "tontine_draw",
            "shown",
            "(status = 'revealed') = (seed IS NOT NULL AND order_text IS NOT NULL)",
        ),
        check("tontine_draw", "status", "status IN ('committed', 'revealed', 'void', 'words')"),
    )
    index("ix_tontine_draw_cycle_id", "tontine_draw", ["cycle_id"])
    index(
        "uq_tontine_draw_of_cycle",
        "tontine_draw",
        ["cycle_id"],
        unique=True,
        where="status <> 'void' AND round_id IS NULL",
    )
    index(
        "uq_tontine_draw_of_round",
        "tontine_draw",
        ["round_id"],
        unique=True,
        where="status <> 'void'",
    )
    table(
        "tontine_draw_word",
        whole("draw_id", to="tontine_draw"),
        whole("share_id", to="tontine_share"),
        text("word", 20),
        moment("at"),
    )
    index("ix_tontine_draw_word_draw_id", "tontine_draw_word", ["draw_id", "share_id", "id"])
    table(
        "tontine_auction",
        whole("round_id", to="tontine_round"),
        sa.Column("sealed", sa.Boolean(), nullable=False),
        moment("opens_at"),
        moment("closes_at"),
        moment("shown_by"),
        text("status", 10),
        whole("winner_id", to="tontine_share", nullable=True),
        whole("discount", nullable=True),
        sa.Column("drawn", sa.Boolean(), nullable=False),
        check("tontine_auction", "dates", "opens_at < closes_at"),
        check("tontine_auction", "status", "status IN ('closed', 'open')"),
        check(
            "tontine_auction",
            "won",
            "(status = 'closed') = (winner_id IS NOT NULL AND discount IS NOT NULL)",
        ),
        unique("tontine_auction", "round_id"),
    )
    table(
        "tontine_bid",
        whole("auction_id", to="tontine_auction"),
        whole("share_id", to="tontine_share"),
        whole("discount", nullable=True),
        text("sealed_hash", 64, nullable=True),
        moment("at"),
        check("tontine_bid", "discount", "discount > 0"),
        check("tontine_bid", "says", "sealed_hash IS NOT NULL OR discount IS NOT NULL"),
    )
    index("ix_tontine_bid_auction_id", "tontine_bid", ["auction_id", "share_id", "id"])
    table(
        "tontine_swap",
        whole("cycle_id", to="tontine_cycle"),
        whole("share_id", to="tontine_share"),
        whole("other_id", to="tontine_share"),
        whole("asked_by", to="tontine_member"),
        text("status", 10),
        moment("asked_at"),
        moment("expires_at"),
        text("reason", 200),
        check(
            "tontine_swap",
            "status",
            "status IN ('accepted', 'asked', 'done', 'expired', 'refused')",
        ),
        check("tontine_swap", "two", "share_id <> other_id"),
    )
    index("ix_tontine_swap_cycle_id", "tontine_swap", ["cycle_id"])
    table(
        "tontine_vote",
        whole("tontine_id", to="tontine"),
        text("subject", 20),
        sa.Column("payload", sa.Text(), nullable=False),
        whole("needed"),
        text("status", 10),
        whole("asked_by", to="tontine_member"),
        moment("asked_at"),
        moment("closes_at"),
        check("tontine_vote", "needed", "needed > 0"),
        check("tontine_vote", "status", "status IN ('accepted', 'open', 'rejected')"),
    )
    index("ix_tontine_vote_tontine_id", "tontine_vote", ["tontine_id"])
    table(
        "tontine_ballot",
        whole("vote_id", to="tontine_vote"),
        whole("member_id", to="tontine_member"),
        sa.Column("yes", sa.Boolean(), nullable=False),
        moment("at"),
        unique("tontine_ballot", "vote_id", "member_id"),
    )
