"""Text is UTF-8 and can be printed."""

import unicodedata
from collections.abc import Iterator

import dagmesh as dm

WORDS = ("description", "unit", "purpose", "declassified")
INVISIBLE = ("Cc", "Cf", "Co", "Cs", "Cn")  # control, format, private use, surrogates, unassigned
JOINERS = "\u200c\u200d"  # Persian, Hindi and emoji are written with them


class Utf8(dm.Policy):
    """{what}; save the file as UTF-8 and write text that everyone can print."""

    def of_product(self, subject: dm.Subject) -> Iterator[dm.Finding]:
        """The file's bytes, and every text that consumers see."""
        if subject.source.text is None:
            yield dm.Finding("", what=f"{subject.file} is not UTF-8")
        product, contract = subject.product, subject.product["contract"]
        texts = [("description", "description", product["description"]), ("contract", "grain", contract["grain"])]
        texts += [(f"column '{column['name']}'", word, column.get(word) or "") for column in subject.columns for word in WORDS]
        for place, word, text in texts:
            unseen = next((character for character in text if unseen_character(character)), None)
            said = "" if place == word else f" in its {word}"
            if unseen:
                yield dm.Finding(place, what=f"holds the character U+{ord(unseen):04X}{said}, which cannot be seen")


def unseen_character(character: str) -> bool:
    """Whether a reader could not see the character, or would see something else than is there."""
    return unicodedata.category(character) in INVISIBLE and character not in JOINERS
