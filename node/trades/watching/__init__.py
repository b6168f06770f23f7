"""What each block brings: events applied to the tables, money given its meaning, and what is due done."""
