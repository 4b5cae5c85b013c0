"""Payouts: money on its way to a phone. Asked for once, afterwards only verified."""
