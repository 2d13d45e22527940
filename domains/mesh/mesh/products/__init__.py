"""The data products of the mesh itself, one file each."""
