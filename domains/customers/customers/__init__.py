"""Who buys at the shop and where they live."""
