"""Who asks: principals, how they prove who they are, and what they may ask for."""
