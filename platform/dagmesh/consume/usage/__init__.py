"""Usage: who read what, what it costs, what readers say of it, and the records that the mesh publishes of itself."""
