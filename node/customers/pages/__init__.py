"""Pages of applications: who wants to become a customer."""
