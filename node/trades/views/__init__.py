"""Trades as people and programs read them."""
