"""The data products of customer, one file each."""
