"""Decisions that need two people: who said what about which subject, and why. Never changed."""
