"""Tontines: groups whose pot turns, by rules each member accepted and a draw nobody can rig.

The rules themselves are plain values in, plain values out: `rules` and `limits` (what may be
accepted), `calendar`, `rotation`, `eligibility` and `changes` (whose turn), `waterfall` (one round
settled), `money_in`, `late_money` and `receive` (one payment followed to its places), `fines`,
`auction`, `draw`, `exposure`, `relief`, `officers`, `savings`. None of them knows a database, a page
or a clock; `wording` has their refusals in two languages.
"""

from __future__ import annotations

from flask import Flask


def init_app(app: Flask) -> None:
    """Attach this room's pages."""
    # Each file of pages puts its own on the one blueprint as it is read.
    from shop.tontines import (
        book_views,
        bureau_views,
        create_views,
        join_views,
        meeting_views,
        members_views,
        order_views,
        pay_views,
        views,
    )
    from shop.tontines.seats import bp

    people = (join_views, members_views, bureau_views, meeting_views)
    assert all((views, create_views, order_views, pay_views, book_views, *people))
    app.register_blueprint(bp)
