"""Whom the shop writes to, and what comes of it."""
