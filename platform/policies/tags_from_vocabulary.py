"""One word for one thing, so that a filter finds all of it."""

import difflib
from collections.abc import Iterator

import dagmesh as dm

VOCABULARY: dict[str, frozenset[str]] = {
    "subject": frozenset({"campaigns", "customers", "delivery", "fraud", "mesh", "newsletter", "orders", "revenue", "spend"}),
    "data": frozenset({"complete-journey", "simulated"}),
}


class TagsFromVocabulary(dm.Policy):
    """{given} is not in the mesh's vocabulary; choose {allowed}, or add the word to platform/policies/tags_from_vocabulary.py."""

    def of_product(self, subject: dm.Subject) -> Iterator[dm.Finding]:
        """Every tag's word and value."""
        for word, value in subject.product["tags"].items():
            if word not in VOCABULARY:
                yield dm.Finding("tags", given=f"'{word}'", allowed=listed(word, VOCABULARY))
            elif value not in VOCABULARY[word]:
                yield dm.Finding(f"tags['{word}']", given=f"'{value}'", allowed=listed(value, VOCABULARY[word]))


def listed(value: str, allowed: dict[str, frozenset[str]] | frozenset[str]) -> str:
    """The words to choose from, the nearest first."""
    near = difflib.get_close_matches(value, allowed, n=1)
    *rest, last = [*near, *(word for word in sorted(allowed) if word not in near)]
    return f"{', '.join(rest)} or {last}" if rest else last
