"""Pages: the catalogue as people see it, served or as files, made of the same templates."""
