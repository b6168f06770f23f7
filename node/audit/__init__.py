"""The audit log: who did what, when, from where, and what it changed; each entry chained to the one before."""
