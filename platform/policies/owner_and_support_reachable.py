"""Whoever reads a product can reach whoever makes it."""

import re
from collections.abc import Iterator

import dagmesh as dm

OWNER = re.compile(r"(team:[A-Za-z0-9._-]+|[^@\s]+@[^@\s]+\.[^@\s]+)\Z")
SUPPORT = re.compile(r"(team:[A-Za-z0-9._-]+|#[\w-]+|[^@\s]+@[^@\s]+\.[^@\s]+|https://[^\s/]+\.[^\s/]+(/\S*)?)\Z")
PLACEHOLDERS = frozenset({"team", "nobody", "none", "todo", "unknown", "someone", "tba", "tbd", "n-a", "xyz", "changeme", "default"})


class OwnerAndSupportReachable(dm.Policy):
    """'{value}' is nobody who can be asked; write {allowed}."""

    def of_product(self, subject: dm.Subject) -> Iterator[dm.Finding]:
        """The owner and, where it is given, the support of a product."""
        owner, support = subject.product["owner"], subject.product["support"]
        if not OWNER.match(owner) or placeholder(owner):
            yield dm.Finding("owner", value=owner, allowed="team:<name> or an e-mail address")
        if support is not None and (not SUPPORT.match(support) or placeholder(support)):
            allowed = "an e-mail address, #channel, team:<name> or an https:// address"
            yield dm.Finding("support", value=support, allowed=allowed)


def placeholder(value: str) -> bool:
    """Whether the name is one that people write when they have none."""
    return value.removeprefix("team:").removeprefix("#").partition("@")[0].lower() in PLACEHOLDERS
