"""Real processes killed for real, while people pay: `python -m tests.chaos`."""
