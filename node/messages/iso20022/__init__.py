"""ISO 20022 messages: read, validated, built. Pure: no network, database or clock."""
