"""The lake: signed, immutable snapshots of data products on Delta, and a domain's private tables beside it."""
