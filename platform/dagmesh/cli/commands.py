"""Every command of `dagmesh`: its name, the module and attribute it is imported from when it runs, and its summary.

A new command is one line here, one file beside this one, its section in docs/cli.md. The summary is the first line of the
command's own help; a test holds that they are the same.
"""

COMMANDS: dict[str, tuple[str, str, str]] = {
    "new": ("dagmesh.cli.new", "new", "Write a new domain or product that runs at once."),
}
