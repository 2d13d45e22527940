"""Changes: one difference between two versions of a contract, what it does to those who read it, and its sentence."""

from __future__ import annotations

import string
from dataclasses import dataclass
from typing import Any, Literal

Effect = Literal["breaking", "additive", "documentation"]
EFFECTS: tuple[Effect, ...] = ("documentation", "additive", "breaking")
_PUNCTUATION = str.maketrans(dict.fromkeys(string.punctuation, " "))


@dataclass(frozen=True)
class Change:
    """One difference.

    `place` is where it is ("column 'category'", "promise.max_lag"), `words` what the new version does ("removes column
    'category'"), `column` the one column of the version before that it is about, if any.
    """

    effect: Effect
    place: str
    words: str
    before: Any = None
    after: Any = None
    column: str | None = None

    @property
    def text(self) -> str:
        """The sentence: `removes column 'category' (breaking)`."""
        return f"{self.words} ({self.effect})"

    @property
    def way_out(self) -> str:
        """What to do instead of a release: the end of a sentence."""
        kept = {"removes": "keep the column", "renames": "keep the name"}
        return kept.get(self.words.split(" ")[0], "take the change back")

    def describe(self) -> dict[str, Any]:
        """The change as JSON values."""
        return {
            "effect": self.effect,
            "place": self.place,
            "words": self.words,
            "before": self.before,
            "after": self.after,
            "column": self.column,
        }


def same_words(before: str, after: str) -> bool:
    """Whether two texts differ in case, spaces and punctuation only."""
    return before.translate(_PUNCTUATION).casefold().split() == after.translate(_PUNCTUATION).casefold().split()


def shown(value: Any) -> str:
    """A value of a described contract, for people: `0`, `'EUR'`, `'a', 'b'`, `nothing`."""
    if value is None or value == []:
        return "nothing"
    if isinstance(value, dict):
        return ", ".join(str(part) for part in value.values()) if len(value) == 1 else str(value)
    if isinstance(value, (list, tuple)):
        return ", ".join(shown(part) for part in value)
    return f"'{value}'" if isinstance(value, str) else str(value)
