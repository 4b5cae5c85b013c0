"""The simulated providers and the phones: real wire formats, no real money, a book of their own.

Nothing in the shop imports this room; the shop meets it over HTTP, as it meets the providers.
"""
