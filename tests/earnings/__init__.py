"""Tests of the earnings room."""
