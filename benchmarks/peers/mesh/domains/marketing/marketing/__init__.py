"""Which campaigns touch whom, and what becomes of it."""
