"""The data products of sales, one file each."""
