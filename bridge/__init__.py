"""Value and messages across ledgers; now the proofs: finality, receipts, evidence packs."""
