"""The demo: whole trades on a devnet of their own, told as they happen."""
