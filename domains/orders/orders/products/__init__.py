"""The data products of orders, one file each."""
