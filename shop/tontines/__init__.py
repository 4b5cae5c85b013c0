"""Tontines: groups whose pot turns, by rules each member accepted and a draw nobody can rig.

The rules themselves are plain values in, plain values out: `rules` and `limits` (what may be
accepted), `calendar`, `rotation` and `changes` (whose turn), `money_in`, `fines`, `waterfall` and
`late_money` (whose money), `auction`, `draw`, `exposure`, `relief`, `officers`. None of them knows
a database, a page or a clock; `wording` has their refusals in two languages.
"""
