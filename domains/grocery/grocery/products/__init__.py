"""The data products of grocery, one file each."""
