"""Judges staged rows against their contract: one DuckDB scan, Pandera for what SQL cannot say, one report."""
