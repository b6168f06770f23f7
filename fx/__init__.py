"""Money, rates and prices: exact, pure functions; no float, clock, network or file but the rate files."""
