"""The data products of fulfilment, one file each."""
