"""Trades as a service: from terms to evidence."""
