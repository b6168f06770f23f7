"""Programs that come in: OAuth 2.0 client credentials, with tokens that only their owner can use."""
