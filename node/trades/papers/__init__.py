"""A trade on paper: its summary, and the cover sheet of its evidence."""
