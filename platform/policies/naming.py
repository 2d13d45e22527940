"""Names say what the values are."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

import dagmesh as dm

NAME = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*\Z")
QUESTION = re.compile(r"(is|are|was|were|has|had|can|may|did|does|will|needs)_")
NUMBERS = ("BIGINT", "DOUBLE", "DECIMAL")
# What DuckDB, PostgreSQL or Spark read as a word of SQL wherever a column could stand.
_RESERVED = """
all analyse analyze and any array as asc asymmetric at authorization between both by case cast check collate column constraint
create cross current_date current_time current_timestamp current_user default deferrable delete desc describe distinct do drop else
end except exists false fetch filter for foreign from full grant group having in initially inner insert intersect interval into is
join lambda lateral leading left like limit natural not null of offset on only or order outer overlaps pivot placing primary qualify
references returning revoke right row rows select session_user set show some summarize symmetric table tablesample then time to
trailing true truncate union unique unknown unpivot update user using values variadic when where window with
"""
RESERVED = frozenset(_RESERVED.split())


class Naming(dm.Policy):
    """{why}; call it {better}."""

    def of_product(self, subject: dm.Subject) -> Iterator[dm.Finding]:
        """Columns: snake_case, no word of SQL, unit in the name, a bool as a question."""
        for column in subject.columns:
            name, place = column["name"], f"column '{column['name']}'"
            if not NAME.match(name):
                yield dm.Finding(place, why="is not snake_case", better="lower-case words joined by single underscores")
            elif name in RESERVED:
                yield dm.Finding(place, why="is a reserved word of SQL", better=f"what it is of, for example order_{name}")
            elif column["type"] == "BOOLEAN" and not QUESTION.match(name):
                yield dm.Finding(
                    place, name=name, why="is true or false and does not read as a sentence", better=f"is_{name} or has_{name}"
                )
            elif lacks_unit(column):
                unit = column["unit"].lower()
                yield dm.Finding(place, why=f"does not say its unit, {unit}", better=f"{name}_{unit}")


def lacks_unit(column: Mapping[str, Any]) -> bool:
    """Whether a number's name hides its unit: neither has it as a word nor is a count, `parcel_count` or `redemptions`.

    Currencies have a policy of their own.
    """
    unit, words = column.get("unit") or "", column["name"].split("_")
    if not column["type"].startswith(NUMBERS) or re.match(r"[A-Z]{3}\Z", unit) or not NAME.match(unit.lower()):
        return False
    if column["type"] == "BIGINT" and (words[-1] == "count" or any(len(word) > 3 and word.endswith("s") for word in words)):
        return False
    return not {unit.lower(), unit.lower().removesuffix("s"), f"{unit.lower()}s"} & set(words)
