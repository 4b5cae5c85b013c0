"""Cauri: a marketplace and tontine site paid by mobile money."""
