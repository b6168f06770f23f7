"""The payment of a trade in ISO 20022 messages: between its banks, and from each bank to its customers."""
