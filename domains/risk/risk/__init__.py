"""Which orders look like fraud."""
