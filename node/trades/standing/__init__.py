"""How a funded trade stands at a second of ledger time: milestones, rates, and who may do what next."""
