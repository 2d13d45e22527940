"""Every command of `dagmesh`: its name, the module and attribute it is imported from when it runs, and its summary.

A new command is one line here, one file beside this one, its section in docs/cli.md. The summary is the first line of the
command's own help; a test holds that they are the same.
"""

COMMANDS: dict[str, tuple[str, str, str]] = {
    "list": ("dagmesh.cli.products", "list_products", "List every product: address, owner, rows, newest day, whom it serves."),
    "search": ("dagmesh.cli.search", "search", "Find products by words, over names, descriptions, columns, owners, tags and units."),
    "show": ("dagmesh.cli.products", "show", "Show one product: contract, promise, who may read it, its newest snapshot and checks."),
    "catalog": ("dagmesh.cli.catalog", "catalog", "Write the catalogue as files that work from a file share."),
    "query": ("dagmesh.cli.query", "query", 'Run one SELECT over products, addressed as orders.orders or "orders.orders@1".'),
    "lineage": (
        "dagmesh.cli.lineage",
        "lineage",
        "Show what a column, or every column of a product, is made of, back through all products.",
    ),
    "trace": (
        "dagmesh.cli.trace",
        "trace",
        "Show how a published value came to be: its events step by step, or the snapshots that it was made of.",
    ),
    "history": ("dagmesh.cli.products", "history", "Show a product's snapshots, newest first, and whether each verifies."),
    "board": ("dagmesh.cli.board", "board", "Show every product: owner, version, snapshot, rows, checks, promise kept or not, seconds."),
    "usage": ("dagmesh.cli.usage", "usage", "Show who read a product, or each product, lately: reads, rows, bytes, who asked, when last."),
    "bill": ("dagmesh.cli.usage", "bill", "Show what each consumer owes for the reads of a month, by the prices in the contracts."),
    "feedback": ("dagmesh.cli.feedback", "feedback", "Rate a product, comment on it or report a wrong row; the owner answers."),
    "new": ("dagmesh.cli.new", "new", "Write a new domain or product that runs at once."),
    "run": ("dagmesh.cli.build", "run", "Run one product now, with the private tables it needs, and publish it."),
    "plan": ("dagmesh.cli.plan", "plan", "Say what `dagmesh build` would make now, and why, without making anything."),
    "build": ("dagmesh.cli.build", "build", "Bring the mesh up to date: run what is stale, in order, and print the board."),
    "backfill": ("dagmesh.cli.build", "backfill", "Make every product of a domain again for a range of days; each day is replaced whole."),
    "replay": ("dagmesh.cli.replay", "replay", "Fold a product's events again from the first one and publish, compare, or show what was."),
    "up": ("dagmesh.cli.up", "up", "Serve the Dagster UI and run the schedules until Ctrl-C."),
    "mcp": ("dagmesh.cli.mcp", "mcp", "Serve the catalogue and queries to an agent on this machine, over MCP (stdio)."),
    "receipt": ("dagmesh.cli.receipt", "receipt", "Verify the receipt of an answer that an agent was given."),
    "serve": ("dagmesh.cli.serve", "serve", "Serve products over HTTP until Ctrl-C: queries, downloads, contracts."),
    "grant": ("dagmesh.cli.grant", "grant", "Ask for, give, take back and list what consumers may see beyond `serves`."),
    "token": ("dagmesh.cli.token", "token", "Make, list and take back tokens, by which people, programs and agents say who they are."),
    "check": (
        "dagmesh.cli.check",
        "check",
        "Check definitions, policies, versions, lock files and consumers' expectations of all domains, or of some.",
    ),
    "audit": ("dagmesh.cli.audit", "audit", "Explain how a product's rows are audited, and what each rule costs."),
    "diff": ("dagmesh.cli.diff", "diff", "Compare contracts in code with the published ones and say which version each needs."),
    "retire": (
        "dagmesh.cli.diff",
        "retire",
        "Show whether a major may be removed: its sunset, who read it lately, whose products read it.",
    ),
    "lock": ("dagmesh.cli.lock", "lock", "Write every product's contract to its lock file, as ODCS, and say which changed."),
    "export": ("dagmesh.cli.standards", "export", "Print a product as a document of an open standard, ODCS or ODPS."),
    "import": ("dagmesh.cli.standards", "import_contract", "Draft a product's file from a data contract (ODCS)."),
    "rollback": ("dagmesh.cli.keeping", "rollback", "Publish an older snapshot again, signed, with a reason."),
    "expire": ("dagmesh.cli.keeping", "expire", "Remove days, snapshots and abandoned stages that no promise keeps."),
    "events": ("dagmesh.cli.events", "events", "List, seal and verify the events of a domain; they are private to it."),
    "forget": (
        "dagmesh.cli.forget",
        "forget",
        "Erase a subject's personal values for ever, make what was made of them again, and write a signed certificate.",
    ),
    "verify": ("dagmesh.cli.keeping", "verify", "Hash every file of a product, or of all, and check the signatures."),
}
