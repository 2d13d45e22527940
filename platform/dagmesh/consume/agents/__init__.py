"""Agents: the catalogue and the query service as tools of the Model Context Protocol, with receipts and budgets."""
