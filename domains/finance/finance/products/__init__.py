"""The data products of finance, one file each."""
