"""Quotes: the FX desk of an institution."""
