"""What a mesh is made of, as plain values: no Dagster, no database, no data frame library at import."""
