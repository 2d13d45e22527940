"""How everyone reads a product: one resolver, the catalogue, queries."""
