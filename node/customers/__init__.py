"""Customers as people and companies: known before they become customers, and forgotten when they may be."""
