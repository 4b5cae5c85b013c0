"""Our books against the providers' own word: what differs is a row with an age, until it no longer does."""
