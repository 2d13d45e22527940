"""Links between pages: paths of a server, or relative ones between files that are opened from a folder."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import quote

from dagmesh.model.address import Address


@dataclass(frozen=True)
class Links:
    """Links of the served catalogue. `dagster` is where the Dagster UI answers, None where there is none to link to."""

    dagster: str | None = None

    @property
    def is_served(self) -> bool:
        """Whether somebody answers: forms can be sent, and rows be asked for."""
        return True

    @property
    def home(self) -> str:
        """The start page."""
        return "/"

    @property
    def search(self) -> str:
        """Where the search form goes."""
        return "/search"

    def product(self, address: str) -> str:
        """A product's page; the address names its major."""
        return f"/products/{quote(address, safe='@')}"

    def domain(self, name: str) -> str:
        """A domain's page."""
        return f"/domains/{quote(name)}"

    def asset(self, name: str) -> str:
        """A style sheet or script."""
        return f"/assets/{quote(name)}"

    def in_dagster(self, address: str) -> str | None:
        """The product's asset in the Dagster UI."""
        return f"{self.dagster}/assets/{'/'.join(Address.parse(address).key)}" if self.dagster else None


@dataclass(frozen=True)
class FileLinks(Links):
    """Links between files; `up` leads from the page's folder to the site's, "" or "../"."""

    up: str = ""

    @property
    def is_served(self) -> bool:
        """Files answer nothing."""
        return False

    @property
    def home(self) -> str:
        """The start page."""
        return f"{self.up}index.html"

    @property
    def search(self) -> str:
        """The page that searches by its own script."""
        return f"{self.up}search.html"

    def product(self, address: str) -> str:
        """A product's page."""
        return f"{self.up}products/{quote(address, safe='@')}.html"

    def domain(self, name: str) -> str:
        """A domain's page."""
        return f"{self.up}domains/{quote(name)}.html"

    def asset(self, name: str) -> str:
        """A style sheet or script."""
        return f"{self.up}assets/{quote(name)}"
