"""Pages of trades: draft, agree, fund, follow and decide, for the people of either side and of their banks."""
