"""The demo: whole trades on a fresh devnet, told as they happen."""
