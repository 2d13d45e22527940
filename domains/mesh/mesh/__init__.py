"""The platform's own domain: what the mesh knows of itself, as products like any other."""
