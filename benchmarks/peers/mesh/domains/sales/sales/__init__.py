"""What is on sale, to whom it is sold and what that brings."""
