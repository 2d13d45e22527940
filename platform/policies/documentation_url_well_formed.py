"""Who follows the link gets somewhere."""

import re
from collections.abc import Iterator
from urllib.parse import urlsplit

import dagmesh as dm

HOST = re.compile(r"(?=.{4,253}\Z)([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]{2,}\Z", re.IGNORECASE)


class DocumentationUrlWellFormed(dm.Policy):
    """{url!r} {why}; write an address such as https://docs.example.org/{domain}/{product}."""

    def of_product(self, subject: dm.Subject) -> Iterator[dm.Finding]:
        """The documentation's address, where there is one."""
        url = subject.product["documentation"]
        why = "" if url is None else complaint(url)
        if why:
            yield dm.Finding("documentation", url=url, why=why, domain=subject.domain.name, product=subject.product["name"])

    def fix(self, subject: dm.Subject, finding: dm.Finding) -> dm.Edit | None:
        """https:// for http://."""
        before = subject.source.segment(finding.place)
        if before is None or not finding.facts["url"].startswith("http://"):
            return None
        return dm.Edit(subject.file, before, before.replace("http://", "https://", 1))


def complaint(url: str) -> str:
    """What is wrong with an address, or an empty text."""
    if re.search(r"\s", url):
        return "has a space in it"
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname or "", parts.port
    except ValueError as error:
        return f"is no address: {error}"
    if parts.scheme != "https":
        return "can be changed on its way, as it does not begin with https://"
    if parts.username or parts.password:
        return "holds a user's name"
    return "" if HOST.match(host) else f"names no host that others can reach, but '{host}'"
