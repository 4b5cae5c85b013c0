"""How fast the hot paths are, as ratios to a limit measured in the same minutes.

A path is one file here with `run(rounds)`, returning the comparisons it made; `python -m benchmarks`
finds it. Two habits keep the numbers honest on a shared machine: variants take turns, in reversed
order every other round, and what counts is the ratio to a named limit (the naive form, or the
least the hardware must do), not seconds of one afternoon.
"""
