"""From a draft to held money: versions that both sides sign, what funding needs, quotes and the funding call."""
