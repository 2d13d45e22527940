"""The data products of logistics, one file each."""
