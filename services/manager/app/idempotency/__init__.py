"""Answers calls that came with an `Idempotency-Key` once, however often they are tried."""
