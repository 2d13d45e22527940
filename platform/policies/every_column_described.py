"""A description says more than the name."""

import re
from collections.abc import Iterator

import dagmesh as dm

_EMPTY_WORDS = "a an the of for in on at by to is are this that column field value values data its it and or"
EMPTY_WORDS = frozenset(_EMPTY_WORDS.split())


class EveryColumnDescribed(dm.Policy):
    """has the description '{description}', which says no more than the name; say what the value means, for a stranger."""

    def of_product(self, subject: dm.Subject) -> Iterator[dm.Finding]:
        """Every column's description."""
        for column in subject.columns:
            said = {_stem(word) for word in re.findall(r"\w+", column["description"].lower().replace("_", " "))}
            named = {_stem(word) for word in column["name"].split("_")}
            if not said - named - EMPTY_WORDS:
                yield dm.Finding(f"column '{column['name']}'", description=column["description"])


def _stem(word: str) -> str:
    return word.removesuffix("s") if len(word) > 3 else word
