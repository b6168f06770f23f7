"""Usage rules: what CBPR+ asks of a message beyond its schema, as a table."""
