"""The data products of marketing, one file each."""
