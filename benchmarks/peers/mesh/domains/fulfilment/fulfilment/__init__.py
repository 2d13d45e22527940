"""How orders get to who placed them."""
