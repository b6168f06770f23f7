"""People and programs that may come in: accounts, sessions, OAuth clients and their tokens."""
