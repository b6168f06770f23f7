"""What the API has, as the routes say it; written by scripts/build_client.py."""
