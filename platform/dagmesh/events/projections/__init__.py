"""Projections compiled to SQL: fold events into things, keep them, advance them, make a product's rows of them, trace a value."""
