"""Whether the web interface answers, and what each code location said when it was loaded."""

from __future__ import annotations

import http.client
import json
from dataclasses import dataclass

_QUERY = """{ workspaceOrError { ... on Workspace { locationEntries {
  name locationOrLoadError { __typename ... on PythonError { message } }
} } } }"""


@dataclass(frozen=True)
class Running:
    """A mesh that answers: its address, the domains that loaded, and why each of the others did not."""

    url: str
    loaded: tuple[str, ...]
    broken: dict[str, str]

    def __str__(self) -> str:
        return self.url + (f" (not loaded: {', '.join(self.broken)}; the page says why)" if self.broken else "")


def running_at(host: str, port: int) -> Running | None:
    """What the web interface at an address says; None while it does not answer."""
    connection = http.client.HTTPConnection(host, port, timeout=5)
    try:
        connection.request("POST", "/graphql", json.dumps({"query": _QUERY}), {"Content-Type": "application/json"})
        response = connection.getresponse()
        text = response.read()
    except (OSError, http.client.HTTPException):
        return None
    finally:
        connection.close()
    if response.status != http.HTTPStatus.OK:
        return None
    entries = json.loads(text)["data"]["workspaceOrError"].get("locationEntries", [])
    errors = {entry["name"]: (entry["locationOrLoadError"] or {}).get("message") for entry in entries}
    return Running(
        f"http://{host}:{port}",
        tuple(name for name, message in errors.items() if message is None),
        {name: message for name, message in errors.items() if message is not None},
    )
