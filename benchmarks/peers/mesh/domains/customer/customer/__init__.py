"""What each customer buys, and which segment that makes."""
