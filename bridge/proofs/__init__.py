"""Proofs that stand alone: pure functions over bytes, no network, no clock."""
