"""The tables of circles, their people and their cycles (migration 0019)."""

from __future__ import annotations

import sqlalchemy as sa

from migrations.circle.shapes import check, index, moment, table, text, unique, whole


def people() -> None:
    """Circles, their rules and their people."""
    table(
        "tontine",
        text("reference", 8),
        text("form_key", 64),
        text("name", 80),
        text("country", 2),
        text("currency", 3),
        text("visibility", 10),
        text("join_policy", 10),
        whole("owner_id", to="user"),
        text("status", 10),
        text("status_before", 10, nullable=True),
        moment("frozen_at", nullable=True),
        moment("created_at"),
        check("tontine", "frozen", "(status = 'paused') = (frozen_at IS NOT NULL)"),
        check("tontine", "join_policy", "join_policy IN ('closed', 'open', 'request')"),
        check("tontine", "name", "length(name) BETWEEN 1 AND 80"),
        check("tontine", "status", "status IN ('closed', 'draft', 'open', 'paused', 'running')"),
        check("tontine", "visibility", "visibility IN ('private', 'public', 'unlisted')"),
        unique("tontine", "form_key"),
        unique("tontine", "reference"),
    )
    index("ix_tontine_owner_id", "tontine", ["owner_id"])
    table(
        "tontine_rules",
        whole("tontine_id", to="tontine"),
        whole("version"),
        sa.Column("text", sa.Text(), nullable=False),
        text("sha256", 64),
        moment("published_at"),
        whole("published_by", to="user"),
        unique("tontine_rules", "tontine_id", "version"),
    )
    table(
        "tontine_member",
        whole("tontine_id", to="tontine"),
        whole("user_id", to="user"),
        text("status", 10),
        moment("joined_at"),
        whole("created_by", to="user"),
        moment("told_at", nullable=True),
        text("told_reason", 200, nullable=True),
        moment("died_at", nullable=True),
        text("kin_name", 80, nullable=True),
        text("kin_phone", 20, nullable=True),
        moment("pays_alone_since", nullable=True),
        check("tontine_member", "kin", "(kin_name IS NULL) = (kin_phone IS NULL)"),
        check(
            "tontine_member",
            "status",
            "status IN ('active', 'deceased', 'invited', 'left', 'removed', 'suspended')",
        ),
        unique("tontine_member", "tontine_id", "user_id"),
    )
    index("ix_tontine_member_user_id", "tontine_member", ["user_id"])
    table(
        "tontine_acceptance",
        whole("rules_id", to="tontine_rules"),
        whole("member_id", to="tontine_member"),
        text("method", 5),
        text("asker_hash", 64, nullable=True),
        moment("at"),
        check("tontine_acceptance", "method", "method IN ('code', 'paper', 'pin')"),
        unique("tontine_acceptance", "rules_id", "member_id"),
    )
    index("ix_tontine_acceptance_member_id", "tontine_acceptance", ["member_id"])
    table(
        "tontine_office",
        whole("tontine_id", to="tontine"),
        text("office", 12),
        sa.Column("deputy", sa.Boolean(), nullable=False),
        whole("member_id", to="tontine_member"),
        moment("since"),
        moment("until", nullable=True),
        check(
            "tontine_office",
            "office",
            "office IN ('censeur', 'commissaire', 'presidente', 'secretaire', 'tresoriere')",
        ),
        check("tontine_office", "until", "until IS NULL OR until >= since"),
    )
    index("ix_tontine_office_member_id", "tontine_office", ["member_id"])
    index("ix_tontine_office_tontine_id", "tontine_office", ["tontine_id"])
    index(
        "uq_tontine_office_held",
        "tontine_office",
        ["tontine_id", "office", "deputy"],
        unique=True,
        where="until IS NULL",
    )
    table(
        "tontine_invite",
        whole("tontine_id", to="tontine"),
        text("token_hash", 64),
        text("kind", 5),
        text("phone", 20, nullable=True),
        whole("max_uses"),
        whole("uses"),
        whole("created_by", to="user"),
        moment("created_at"),
        moment("expires_at"),
        moment("revoked_at", nullable=True),
        check("tontine_invite", "kind", "kind IN ('link', 'named')"),
        check("tontine_invite", "phone", "(kind = 'named') = (phone IS NOT NULL)"),
        check("tontine_invite", "uses", "uses BETWEEN 0 AND max_uses AND max_uses > 0"),
        unique("tontine_invite", "token_hash"),
    )
    index("ix_tontine_invite_tontine_id", "tontine_invite", ["tontine_id"])
    table(
        "tontine_join_request",
        whole("tontine_id", to="tontine"),
        whole("user_id", to="user"),
        text("words", 300),
        text("status", 10),
        moment("asked_at"),
        whole("decided_by", to="user", nullable=True),
        moment("decided_at", nullable=True),
        text("reason", 200),
        check("tontine_join_request", "decided", "(status = 'pending') = (decided_at IS NULL)"),
        check(
            "tontine_join_request",
            "status",
            "status IN ('approved', 'pending', 'rejected', 'withdrawn')",
        ),
    )
    index("ix_tontine_join_request_tontine_id", "tontine_join_request", ["tontine_id"])
    index(
        "uq_tontine_join_request_pending",
        "tontine_join_request",
        ["tontine_id", "user_id"],
        unique=True,
        where="status = 'pending'",
    )


def cycles() -> None:
    """Shares, rounds, dues and what pays them."""
    table(
        "tontine_cycle",
        whole("tontine_id", to="tontine"),
        whole("number"),
        whole("rules_id", to="tontine_rules"),
        text("status", 10),
        text("order_hash", 64, nullable=True),
        moment("created_at"),
        moment("locked_at", nullable=True),
        moment("closed_at", nullable=True),
        check(
            "tontine_cycle",
            "locked",
            "(status IN ('enrolling', 'cancelled')) OR locked_at IS NOT NULL",
        ),
        check("tontine_cycle", "order", "(locked_at IS NULL) = (order_hash IS NULL)"),
        check(
            "tontine_cycle",
            "status",
            "status IN ('cancelled', 'closed', 'closing', 'enrolling', 'locked', 'running')",
        ),
        unique("tontine_cycle", "tontine_id", "number"),
    )
    table(
        "tontine_round",
        whole("cycle_id", to="tontine_cycle"),
        whole("index"),
        moment("opens_at"),
        moment("due_at"),
        moment("grace_until"),
        moment("wake_at", nullable=True),
        text("status", 10),
        moment("settled_at", nullable=True),
        moment("paid_at", nullable=True),
        check("tontine_round", "dates", "opens_at < due_at AND due_at <= grace_until"),
        check(
            "tontine_round",
            "status",
            "status IN ('closed', 'deciding', 'due', 'grace', 'open', 'paid', 'pay_failed', 'payable', 'paying', 'postponed', 'scheduled')",
        ),
        unique("tontine_round", "cycle_id", "index"),
    )
    index("ix_tontine_round_wake_at", "tontine_round", ["wake_at"], where="wake_at IS NOT NULL")
    table(
        "tontine_share",
        whole("cycle_id", to="tontine_cycle"),
        text("code", 4),
        whole("member_id", to="tontine_member"),
        moment("joined_at"),
        whole("position", nullable=True),
        text("status", 10),
        whole("served_round_id", to="tontine_round", nullable=True),
        whole("offered_to", to="user", nullable=True),
        text("wish", 300),
        check("tontine_share", "position", "position > 0"),
        check("tontine_share", "served", "status = 'active' OR served_round_id IS NULL"),
        check("tontine_share", "status", "status IN ('active', 'withdrawn')"),
        unique("tontine_share", "cycle_id", "code"),
        unique("tontine_share", "cycle_id", "position"),
    )
    index("ix_tontine_share_member_id", "tontine_share", ["member_id", "cycle_id"])
    table(
        "tontine_due",
        whole("round_id", to="tontine_round"),
        whole("share_id", to="tontine_share"),
        text("kind", 12),
        whole("number"),
        whole("amount"),
        moment("due_at"),
        text("status", 10),
        check("tontine_due", "amount", "amount > 0"),
        check(
            "tontine_due",
            "kind",
            "kind IN ('catch_up', 'contribution', 'guarantee', 'levy', 'penalty', 'solidarity')",
        ),
        check(
            "tontine_due",
            "status",
            "status IN ('covered', 'late', 'lost', 'open', 'paid', 'paid_late', 'partial', 'void')",
        ),
        unique("tontine_due", "round_id", "share_id", "kind", "number"),
    )
    index("ix_tontine_due_share_id", "tontine_due", ["share_id", "status"])
    table(
        "tontine_contribution",
        text("reference", 8),
        text("form_key", 64),
        whole("cycle_id", to="tontine_cycle"),
        whole("member_id", to="tontine_member"),
        whole("user_id", to="user"),
        whole("share_id", to="tontine_share"),
        sa.Column("chosen", sa.Boolean(), nullable=False),
        text("source", 8),
        text("currency", 3),
        whole("amount"),
        text("status", 8),
        moment("started_at"),
        moment("received_at", nullable=True),
        whole("recorded_by", to="tontine_member", nullable=True),
        whole("confirmed_by", to="tontine_member", nullable=True),
        whole("payment_id", to="payment", nullable=True),
        check("tontine_contribution", "amount", "amount > 0"),
        check("tontine_contribution", "cash", "(source = 'cash') = (recorded_by IS NOT NULL)"),
        check(
            "tontine_contribution", "received", "(status = 'received') = (received_at IS NOT NULL)"
        ),
        check(
            "tontine_contribution",
            "source",
            "source IN ('advance', 'cash', 'group', 'payment', 'set_off', 'wallet')",
        ),
        check(
            "tontine_contribution",
            "status",
            "status IN ('asked', 'promised', 'received', 'refused')",
        ),
        unique("tontine_contribution", "form_key"),
        unique("tontine_contribution", "reference"),
    )
    index("ix_tontine_contribution_cycle_id", "tontine_contribution", ["cycle_id", "id"])
    index("ix_tontine_contribution_member_id", "tontine_contribution", ["member_id", "id"])
    index("ix_tontine_contribution_payment_id", "tontine_contribution", ["payment_id"])
    table(
        "tontine_allocation",
        whole("contribution_id", to="tontine_contribution"),
        whole("due_id", to="tontine_due"),
        whole("amount"),
        check("tontine_allocation", "amount", "amount > 0"),
        unique("tontine_allocation", "contribution_id", "due_id"),
    )
    index("ix_tontine_allocation_due_id", "tontine_allocation", ["due_id"])
