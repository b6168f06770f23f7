"""Routes of trades: what the command line, the console and a bank's own systems use."""
