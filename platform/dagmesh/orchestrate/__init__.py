"""Model to Dagster: assets, checks, sensors, runs, the instance and the processes that serve it."""
