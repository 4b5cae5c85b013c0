"""The state machine stands in two places, and they agree."""

from __future__ import annotations

import importlib.util
from pathlib import Path

from shop.payments.states import EDGES

MIGRATION = Path(__file__).parents[2] / "migrations/versions/0005_payments.py"


def test_the_trigger_and_the_code_allow_the_same_edges():
    specification = importlib.util.spec_from_file_location("migration", MIGRATION)
    assert specification is not None
    assert specification.loader is not None
    migration = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(migration)

    ours = {str(old): {str(new) for new in news} for old, news in EDGES.items() if news}
    assert ours == migration.EDGES
