"""Feeds: one file for each way events arrive."""
