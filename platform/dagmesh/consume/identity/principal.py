"""A principal: who asks, in whose name it reads, and what it may do beside reading."""

from __future__ import annotations

import getpass
from dataclasses import dataclass
from typing import Literal, get_args

ANALYST = "analyst"
"""In whose name somebody reads who is of no domain."""

Kind = Literal["person", "service", "agent"]
Role = Literal["owner", "operator"]
Scope = Literal["query", "catalogue", "agent"]
"""What a token is for: rows by SQL and downloads, the pages and what they say, the tools of agents."""

KINDS: tuple[Kind, ...] = get_args(Kind)
ROLES: tuple[Role, ...] = get_args(Role)
SCOPES: tuple[Scope, ...] = get_args(Scope)


@dataclass(frozen=True)
class Budget:
    """What an agent may take in a UTC day: queries begun, rows handed out, seconds of work."""

    queries: int = 500
    rows: int = 100_000
    seconds: int = 1_800


@dataclass(frozen=True)
class Principal:
    """Somebody, or something, known to the mesh.

    `name` is unique in the mesh and is what the read log says (`anna@example.org`, `token:weekly-report`, `local:root`). `reader` is the
    domain in whose name it reads, or `analyst`. `roles`: an `owner` answers for its domain's products (feedback, requests for
    access), an `operator` may look at everybody's reads and at the writing Dagster UI. `budget` is what it may take through the tools of
    agents, None: the default one.
    """

    name: str
    reader: str
    kind: Kind = "person"
    roles: frozenset[Role] = frozenset()
    budget: Budget | None = None

    def owns(self, domain: str) -> bool:
        """Whether it answers for the domain's products."""
        return "owner" in self.roles and self.reader == domain


@dataclass(frozen=True)
class Caller:
    """A principal that proved who it is, and what it may ask for."""

    principal: Principal
    scopes: frozenset[Scope]


def local(reader: str) -> Principal:
    """Who sits at this machine, reading in a domain's name: what the operating system says, nothing proved."""
    return Principal(f"local:{getpass.getuser()}", reader)
