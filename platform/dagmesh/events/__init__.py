"""Events: how a domain's facts come in."""
