"""How parcels travel, and whether they arrive as promised."""
