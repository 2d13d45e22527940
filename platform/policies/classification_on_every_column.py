"""Columns that are about people say so.

`internal` is what a column is when nothing is said. So the check is not that something is said: it is that what the name gives away is
not left `internal` or `public`.
"""

import re
from collections.abc import Iterator

import dagmesh as dm

CLASSES = ("public", "internal", "pseudonymous", "confidential", "pii")
PERSONAL = re.compile(
    r"(.*_)?(e_?mail|phone|mobile|fax|street|(first|last|given|family|full|maiden)_?name|surname|birth(day|_date|place)?|born_on|iban|bic"
    r"|ssn|passport(_number)?|tax_id|ip_address|postal_address|credit_card|card_number|salary|religion|diagnosis)\Z"
)
PERSONS = frozenset({"customer_id", "household_id", "person_id", "user_id", "employee_id", "patient_id"})
TEXT_OR_DAY = ("VARCHAR", "DATE")


class ClassificationOnEveryColumn(dm.Policy):
    """is classified {given} and tells {tells}; write classification="{wanted}", or declassified="<why it is none>"."""

    def of_product(self, subject: dm.Subject) -> Iterator[dm.Finding]:
        """Columns whose names give away a person."""
        for column in subject.columns:
            name, given = column["name"], column["classification"]
            if given not in ("public", "internal") or column.get("declassified"):
                continue
            if column["type"].startswith(TEXT_OR_DAY) and PERSONAL.match(name):
                yield dm.Finding(f"column '{name}'", given=given, tells="something about a person", wanted="pii")
            elif name in PERSONS:
                yield dm.Finding(f"column '{name}'", given=given, tells="one person from another", wanted="pseudonymous")
