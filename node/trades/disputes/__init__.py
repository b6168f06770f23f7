"""Disputes with their reasons and papers at the banks and before the arbiter; awards."""
