"""What raw SQL must not break either: steps, signatures, sums, the chained book (migration 0019)."""

from __future__ import annotations

from migrations import triggers

#: The edges as of this migration; a test holds them against shop/tontines/states.py.
EDGES: dict[tuple[str, str], dict[str, set[str]]] = {
    ("tontine", "status"): {
        "draft": {"open", "closed"}, "open": {"running", "paused", "closed"},
        "running": {"open", "paused", "closed"}, "paused": {"open", "running", "closed"},
    },
    ("tontine_member", "status"): {
        "invited": {"active", "left"}, "active": {"suspended", "left", "removed", "deceased"},
        "suspended": {"active", "left", "removed", "deceased"}, "left": {"active"},
    },
    ("tontine_join_request", "status"): {"pending": {"approved", "rejected", "withdrawn"}},
    ("tontine_cycle", "status"): {
        "enrolling": {"locked", "cancelled"}, "locked": {"running", "cancelled"},
        "running": {"closing", "cancelled"}, "closing": {"closed"},
    },
    ("tontine_round", "status"): {
        "scheduled": {"open"}, "open": {"due"}, "due": {"grace", "deciding"}, "grace": {"deciding"},
        "deciding": {"payable", "postponed", "closed"}, "postponed": {"deciding"},
        "payable": {"paying"}, "paying": {"paid", "pay_failed"}, "pay_failed": {"paying"},
        "paid": {"closed"},
    },
    ("tontine_due", "status"): {
        "open": {"partial", "paid", "late", "covered", "void"},
        "partial": {"paid", "late", "covered", "void"},
        "late": {"covered", "paid_late", "lost", "void"}, "covered": {"paid_late", "lost"},
        "paid": {"void"},
    },
    ("tontine_contribution", "status"): {
        "asked": {"received", "refused"}, "promised": {"received", "refused"},
    },
    ("tontine_turn", "status"): {"eligible": {"approved"}, "approved": {"received", "eligible"}},
    ("tontine_draw", "status"): {"committed": {"words", "void"}, "words": {"revealed", "void"}},
    ("tontine_auction", "status"): {"open": {"closed"}},
    ("tontine_swap", "status"): {
        "asked": {"accepted", "refused", "expired"}, "accepted": {"done", "refused", "expired"},
    },
    ("tontine_order", "status"): {
        "open": {"signed", "refused", "expired"}, "signed": {"done", "refused", "expired"},
    },
    ("tontine_relief_claim", "status"): {"asked": {"paid", "refused"}},
    ("tontine_vote", "status"): {"open": {"accepted", "rejected"}},
}  # fmt: skip

#: Where each kind of row begins.
BEGINS = {
    "tontine": ("draft",),
    "tontine_member": ("invited", "active"),
    "tontine_join_request": ("pending",),
    "tontine_cycle": ("enrolling",),
    "tontine_round": ("scheduled",),
    "tontine_due": ("open",),
    "tontine_contribution": ("asked", "promised", "received"),
    "tontine_turn": ("eligible",),
    "tontine_draw": ("committed",),
    "tontine_auction": ("open",),
    "tontine_swap": ("asked",),
    "tontine_order": ("open",),
    "tontine_relief_claim": ("asked",),
    "tontine_vote": ("open",),
}

#: What of each row is settled when it is written.
FROZEN = {
    "tontine": ("id", "reference", "form_key", "country", "currency", "created_at"),
    "tontine_member": ("id", "tontine_id", "user_id"),
    "tontine_office": ("id", "tontine_id", "office", "deputy", "member_id", "since"),
    "tontine_invite": ("id", "tontine_id", "token_hash", "kind", "phone", "max_uses"),
    "tontine_join_request": ("id", "tontine_id", "user_id", "asked_at"),
    "tontine_cycle": ("id", "tontine_id", "number"),
    "tontine_share": ("id", "cycle_id", "code"),
    "tontine_round": ("id", "cycle_id", "index"),
    "tontine_due": ("id", "round_id", "share_id", "kind", "number", "amount"),
    "tontine_contribution": (
        "id", "reference", "form_key", "cycle_id", "member_id", "user_id", "share_id", "chosen",
        "source", "currency", "amount", "started_at", "recorded_by",
    ),
    "tontine_turn": (
        "id", "round_id", "share_id", "user_id", "gross", "discount", "set_off", "retention", "fee",
        "net", "reliquat",
    ),
    "tontine_claim": ("id", "round_id", "seq", "kind", "place", "share_id", "amount"),
    "tontine_guarantor": ("id", "share_id", "member_id", "cap"),
    "tontine_exit": (
        "id", "cycle_id", "share_id", "user_id", "reason", "refund", "exit_fee", "fines", "to_rounds",
    ),
    "tontine_draw": (
        "id", "cycle_id", "round_id", "codes", "share_list_hash", "commitment", "beacon_kind",
        "words_close_at",
    ),
    "tontine_auction": ("id", "round_id", "sealed", "opens_at", "closes_at", "shown_by"),
    "tontine_bid": ("id", "auction_id", "share_id", "sealed_hash", "at"),
    "tontine_swap": ("id", "cycle_id", "share_id", "other_id", "asked_by", "expires_at"),
    "tontine_vote": ("id", "tontine_id", "subject", "payload", "needed", "closes_at"),
    "tontine_order": (
        "id", "tontine_id", "action", "target_id", "recipient_id", "amount", "payload_sha256",
    ),
    "tontine_relief_claim": ("id", "tontine_id", "member_id", "amount"),
}  # fmt: skip

#: What is written once and then never again, and a column that says so.
ONCE = {
    "tontine_office": ("until",),
    "tontine_share": ("served_round_id",),
    "tontine_round": ("settled_at", "paid_at"),
    "tontine_cycle": ("locked_at", "closed_at"),
    "tontine_exit": ("settled_at",),
    "tontine_draw": ("seed", "order_text", "beacon", "revealed_at"),
    "tontine_bid": ("discount",),
    "tontine_contribution": ("received_at", "payment_id", "confirmed_by"),
}

APPEND_ONLY = (
    "tontine_rules", "tontine_acceptance", "tontine_allocation", "tontine_line",
    "tontine_signature", "tontine_draw_word", "tontine_ballot", "tontine_event",
)  # fmt: skip

#: Every unique key, for SQLite's INSERT OR REPLACE.
KEYS: dict[str, tuple[str | tuple[str, ...], ...]] = {
    "tontine": ("id", "reference", "form_key"),
    "tontine_rules": ("id", ("tontine_id", "version")),
    "tontine_acceptance": ("id", ("rules_id", "member_id")),
    "tontine_member": ("id", ("tontine_id", "user_id")),
    "tontine_office": ("id",),
    "tontine_invite": ("id", "token_hash"),
    "tontine_join_request": ("id",),
    "tontine_cycle": ("id", ("tontine_id", "number")),
    "tontine_share": ("id", ("cycle_id", "code"), ("cycle_id", "position")),
    "tontine_round": ("id", ("cycle_id", '"index"')),
    "tontine_due": ("id", ("round_id", "share_id", "kind", "number")),
    "tontine_contribution": ("id", "reference", "form_key"),
    "tontine_allocation": ("id", ("contribution_id", "due_id")),
    "tontine_turn": ("id", "share_id"),
    "tontine_line": ("id", ("turn_id", "seq")),
    "tontine_claim": ("id", ("round_id", "seq")),
    "tontine_guarantor": ("id", ("share_id", "member_id")),
    "tontine_exit": ("id", "share_id"),
    "tontine_draw": ("id",),
    "tontine_auction": ("id", "round_id"),
    "tontine_order": ("id",),
    "tontine_signature": ("id", ("order_id", "member_id")),
    "tontine_draw_word": ("id",),
    "tontine_bid": ("id",),
    "tontine_ballot": ("id", ("vote_id", "member_id")),
    "tontine_event": ("id", ("tontine_id", "seq")),
}


def upgrade() -> None:
    """Make every trigger."""
    for (table, column), edges in EDGES.items():
        triggers.edges(table, column, edges)
    for table, words in BEGINS.items():
        listed = ", ".join(f"'{word}'" for word in words)
        triggers.refuse(
            table, "begins", "INSERT", f"a row of {table} begins at its beginning",
            when=f"NEW.status NOT IN ({listed})",
        )  # fmt: skip
    for table, columns in FROZEN.items():
        triggers.frozen(table, "intent", *(f'"{c}"' if c == "index" else c for c in columns))
    for table, columns in ONCE.items():
        for column in columns:
            triggers.frozen(table, f"{column}_once", column, when=f"OLD.{column} IS NOT NULL")
    for table in APPEND_ONLY:
        triggers.append_only(table)
    for table in sorted({*FROZEN, "tontine_meeting"}):
        triggers.no_delete(table)
    for table, keys in KEYS.items():
        triggers.once_only(table, *keys)
    _people()
    _money_in()
    _money_out()
    _choices()
    _book()


def _people() -> None:
    triggers.refuse(
        "tontine_invite", "uses", "UPDATE OF uses", "an invitation is used while it is open",
        when="NEW.uses < OLD.uses OR (NEW.uses > OLD.uses AND OLD.revoked_at IS NOT NULL)",
    )  # fmt: skip
    triggers.refuse(
        "tontine_cycle", "rules_stay", "UPDATE OF rules_id", "a locked cycle keeps its rules",
        when="OLD.rules_id <> NEW.rules_id AND OLD.status <> 'enrolling'",
    )  # fmt: skip
    triggers.refuse(
        "tontine_share", "while_enrolling", "INSERT", "shares are taken before the cycle locks",
        when="(SELECT c.status FROM tontine_cycle c WHERE c.id = NEW.cycle_id) <> 'enrolling'",
    )  # fmt: skip
    # R4: the round says so first, and the rank of a served share is history.
    triggers.refuse(
        "tontine_share", "served_by_a_turn", "UPDATE", "a share is served by its turn",
        when="OLD.served_round_id IS NULL AND NEW.served_round_id IS NOT NULL AND NOT EXISTS"
        " (SELECT 1 FROM tontine_turn t WHERE t.share_id = NEW.id"
        " AND t.round_id = NEW.served_round_id)",
    )  # fmt: skip
    triggers.frozen("tontine_share", "rank_of_a_served", "position", "status",
                    when="OLD.served_round_id IS NOT NULL")  # fmt: skip
    triggers.frozen("tontine_round", "dates", "opens_at", "due_at", "grace_until",
                    when="OLD.status NOT IN ('scheduled', 'open')")  # fmt: skip


def _money_in() -> None:
    """What was received covers its allocations; a due takes no more than it is."""
    total = "(SELECT COALESCE(SUM(a.amount), 0) FROM tontine_allocation a WHERE a.{} = NEW.{})"
    triggers.refuse(
        "tontine_allocation", "fits", "INSERT", "a due takes what it is, a contribution gives what it is",
        when="NOT EXISTS (SELECT 1 FROM tontine_contribution m JOIN tontine_share s"
        " ON s.cycle_id = m.cycle_id JOIN tontine_due d ON d.share_id = s.id"
        " WHERE m.id = NEW.contribution_id AND d.id = NEW.due_id AND m.status = 'received'"
        f" AND NEW.amount + {total.format('contribution_id', 'contribution_id')} <= m.amount"
        f" AND NEW.amount + {total.format('due_id', 'due_id')} <= d.amount)",
    )  # fmt: skip
    triggers.refuse(
        "tontine_due", "paid_by_allocations", "UPDATE OF status", "a due is paid by its allocations",
        when="OLD.status <> NEW.status AND NEW.status IN ('paid', 'paid_late')"
        f" AND NEW.amount <> {total.format('due_id', 'id')}",
    )  # fmt: skip
    # What a leaver paid for a round that was not counted goes back ahead, and from there home (R13).
    triggers.refuse(
        "tontine_due", "void_with_its_share", "UPDATE OF status", "a paid due dies with its share only",
        when="OLD.status = 'paid' AND NEW.status = 'void' AND NOT EXISTS (SELECT 1 FROM tontine_share s"
        " JOIN tontine_round r ON r.id = NEW.round_id WHERE s.id = NEW.share_id"
        " AND s.status = 'withdrawn' AND r.settled_at IS NULL)",
    )  # fmt: skip
    triggers.refuse(
        "tontine_claim", "fills", "UPDATE OF filled", "what filled a claim stays there",
        when="NEW.filled < OLD.filled",
    )  # fmt: skip


def _money_out() -> None:
    """R20: two different officers, neither receiving, and only what they signed leaves a pot."""
    signed = "(SELECT COUNT(*) FROM tontine_signature g WHERE g.order_id = {}) >= 2"
    triggers.refuse(
        "tontine_signature", "is_due", "INSERT", "a recipient does not sign, nor anybody too late",
        when="NOT EXISTS (SELECT 1 FROM tontine_order o JOIN tontine_member m"
        " ON m.tontine_id = o.tontine_id WHERE o.id = NEW.order_id AND m.id = NEW.member_id"
        " AND o.status = 'open' AND NEW.at <= o.expires_at"
        " AND (o.recipient_id IS NULL OR m.user_id <> (SELECT r.user_id FROM tontine_member r"
        " WHERE r.id = o.recipient_id)))",
    )  # fmt: skip
    triggers.refuse(
        "tontine_order", "two_people", "UPDATE OF status", "two people sign money out",
        when=f"NEW.status IN ('signed', 'done') AND NOT {signed.format('NEW.id')}",
    )  # fmt: skip
    triggers.refuse(
        "tontine_turn", "signed", "UPDATE OF status", "a pot is paid once two officers signed",
        when="NEW.status IN ('approved', 'received') AND NEW.net > 0 AND NOT EXISTS (SELECT 1 FROM tontine_order o"
        " WHERE o.id = NEW.order_id AND o.action = 'pot' AND o.target_id = NEW.id"
        f" AND o.amount = NEW.net AND o.status IN ('signed', 'done') AND {signed.format('o.id')})",
    )  # fmt: skip
    triggers.refuse(
        "tontine_turn", "in_the_books", "UPDATE OF status", "a pot is received once the books say so",
        when="OLD.status = 'approved' AND NEW.status = 'received' AND EXISTS (SELECT 1 FROM"
        " tontine_line l WHERE l.turn_id = NEW.id AND NOT EXISTS (SELECT 1 FROM transfer t"
        " WHERE t.key = 'tontine-line:' || l.id))",
    )  # fmt: skip
    triggers.refuse(
        "tontine_line", "before_signing", "INSERT", "what two people signed gets no line more",
        when="EXISTS (SELECT 1 FROM tontine_turn t WHERE t.id = NEW.turn_id"
        " AND (t.status <> 'eligible' OR t.order_id IS NOT NULL))",
    )  # fmt: skip
    triggers.refuse(
        "transfer", "leaves_pot_signed", "INSERT", "a pot is left by lines that two officers signed",
        when="EXISTS (SELECT 1 FROM ledger_account d, ledger_account c WHERE d.id = NEW.debit_id"
        " AND d.kind = 'pot' AND d.owner NOT LIKE 'exit-%' AND c.id = NEW.credit_id"
        " AND c.kind = 'wallet' AND NOT EXISTS (SELECT 1 FROM tontine_line l JOIN tontine_turn t"
        " ON t.id = l.turn_id AND t.status = 'approved' WHERE 'tontine-line:' || l.id = NEW.key"
        " AND l.amount = NEW.amount AND l.source = d.code AND l.target = c.code)"
        # A cycle that never paid a pot gives everything back.
        " AND NOT EXISTS (SELECT 1 FROM tontine_round r JOIN tontine_cycle y ON y.id = r.cycle_id"
        " WHERE CAST(r.id AS VARCHAR(20)) = d.owner AND y.status = 'cancelled'))",
    )  # fmt: skip


def _choices() -> None:
    triggers.refuse(
        "tontine_draw_word", "in_time", "INSERT", "words are given until the draw closes",
        when="NOT EXISTS (SELECT 1 FROM tontine_draw d JOIN tontine_share s ON s.cycle_id = d.cycle_id"
        " WHERE d.id = NEW.draw_id AND s.id = NEW.share_id AND d.status = 'words'"
        " AND NEW.at < d.words_close_at)",
    )  # fmt: skip
    triggers.refuse(
        "tontine_bid", "in_time", "INSERT", "bids are placed while the auction is open",
        when="NOT EXISTS (SELECT 1 FROM tontine_auction a WHERE a.id = NEW.auction_id"
        " AND a.status = 'open' AND NEW.at >= a.opens_at AND NEW.at < a.closes_at)",
    )  # fmt: skip
    triggers.refuse(
        "tontine_ballot", "in_time", "INSERT", "a vote is cast while it is open, by its circle",
        when="NOT EXISTS (SELECT 1 FROM tontine_vote v JOIN tontine_member m"
        " ON m.tontine_id = v.tontine_id WHERE v.id = NEW.vote_id AND m.id = NEW.member_id"
        " AND v.status = 'open' AND NEW.at <= v.closes_at)",
    )  # fmt: skip


def _book() -> None:
    """Each line of the book follows the one before, with nothing between."""
    before = "(SELECT {} FROM tontine_event e WHERE e.tontine_id = NEW.tontine_id ORDER BY e.seq DESC LIMIT 1)"
    triggers.refuse(
        "tontine_event", "follows", "INSERT", "a line of the book follows the one before",
        when=f"NEW.seq <> COALESCE({before.format('e.seq')}, 0) + 1"
        f" OR NEW.prev_hash <> COALESCE({before.format('e.hash')}, '{'0' * 64}')",
    )  # fmt: skip
