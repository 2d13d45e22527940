"""The policies of this mesh: one class in one file, found by being here."""
