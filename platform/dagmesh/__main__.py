"""`python -m dagmesh`: the command, for a domain's own interpreter."""

from dagmesh.cli import main

main()
