"""The data products of risk, one file each."""
