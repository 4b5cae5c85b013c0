"""Alerts: what staff must know of providers, once per episode."""
