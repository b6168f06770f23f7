"""Maker and checker: what one person asks for takes effect when another one approves it."""
