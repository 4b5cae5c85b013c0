"""What users owe us: each debt with where it came from, repaid oldest first, never hidden."""
