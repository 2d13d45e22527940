"""The data products of customers, one file each."""
