"""Cashback: what we owe buyers for sales that ended well, to spend here before it expires."""
