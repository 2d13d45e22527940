"""What readers say of products: a rating, a comment, or a row that is wrong; and what the owners answer."""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, Literal

from dagmesh.consume.dated_id import dated_id, day_of
from dagmesh.consume.day_log import DayLog
from dagmesh.consume.identity.principal import Principal
from dagmesh.consume.read_log import Asking, ReadLog
from dagmesh.consume.resolver import Resolver
from dagmesh.consume.usage.row_key import check_key
from dagmesh.errors import AccessRefused, FeedbackRefused, MeshError, one_of
from dagmesh.model.address import Address

Kind = Literal["rating", "comment", "wrong_row"]
KINDS: tuple[Kind, ...] = ("rating", "comment", "wrong_row")
LONGEST = 2000  # characters of a text
_HIDDEN = "•••"
_TURNING = ("LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI")


@dataclass(frozen=True)
class Said:
    """What a reader says: `stars` of a rating, 1 to 5; `key` of a wrong row, text by key column; `text` of all but a rating."""

    kind: Kind
    stars: int | None = None
    text: str = ""
    key: Mapping[str, str] | None = None


@dataclass(frozen=True)
class Answer:
    """What the owner answered, and when."""

    at: datetime
    author: str
    text: str


@dataclass(frozen=True)
class Feedback:
    """One thing that a reader said of a snapshot. What it says is a stranger's text: show it as text, never as markup or as an order."""

    id: str
    at: datetime
    address: Address
    author: str
    reader: str
    said: Said
    answers: tuple[Answer, ...] = ()

    @property
    def is_open(self) -> bool:
        """Whether the owner still has to answer; a rating asks for no answer."""
        return self.said.kind != "rating" and not self.answers

    def seen_by(self, principal: Principal) -> Feedback:
        """As somebody sees it: who said it, and anything that may be in the row, is for the owner and the author alone."""
        if principal.owns(self.address.domain) or principal.name == self.author:
            return self
        said = self.said
        if said.kind == "wrong_row":
            said = replace(said, text=_HIDDEN, key=dict.fromkeys(said.key or (), _HIDDEN))
        return replace(self, author=_HIDDEN, said=said, answers=tuple(replace(answer, author=_HIDDEN) for answer in self.answers))

    def describe(self) -> dict[str, Any]:
        """The feedback as JSON values."""
        answers = [{**vars(answer), "at": answer.at.isoformat()} for answer in self.answers]
        about = {"id": self.id, "at": self.at.isoformat(), "product": str(self.address), "author": self.author, "reader": self.reader}
        return {**about, **asdict(self.said), "open": self.is_open, "answers": answers}


@dataclass(frozen=True)
class FeedbackLog:
    """Lines of JSON in `<home>/feedback/<UTC day>.jsonl`, an answer beside what it answers; for their owner's eyes only."""

    home: Path

    @property
    def days(self) -> DayLog:
        """Where the lines are."""
        return DayLog(self.home / "feedback")

    def give(self, principal: Principal, resolver: Resolver, product: str, said: Said) -> Feedback:
        """Write down what a principal says of a product that it may read.

        Args:
            principal: who says it; its name is the author's, whatever a form says.
            resolver: reads in the principal's name.
            product: an address; without a snapshot the newest is meant.
            said: what it says.

        Raises:
            AddressError, NotPublished, AccessRefused, UntrustedSnapshot: see `Resolver.look`.
            FeedbackRefused: what is said is not complete, too long, or names no row.
            MeshError: it cannot be written.
        """
        look = resolver.look(product)
        said = _checked(said, look.product, str(look.address))
        now = datetime.now(UTC)
        given = Feedback(dated_id(now), now, look.address, principal.name, principal.reader, said)
        about = {"id": given.id, "at": now, "address": str(given.address), "author": given.author, "reader": given.reader}
        self._append(given.id, {**about, **asdict(said)})
        return given

    def answer(self, principal: Principal, feedback: str, text: str) -> Feedback:
        """Write down the answer of the owner of the product.

        Raises:
            FeedbackRefused: there is no such feedback, or no text. AccessRefused: the principal is not the product's owner.
            MeshError: it cannot be written.
        """
        found = self.of(feedback)
        if not principal.owns(found.address.domain):
            message = f"only an owner of {found.address.domain} answers what is said of {found.address}; {principal.name} is none."
            ReadLog(self.home).refuse(Asking(principal.name, "http"), principal.reader, message, datetime.now(UTC))
            raise AccessRefused(message, reader=principal.reader, address=str(found.address))
        now = datetime.now(UTC)
        answer = Answer(now, principal.name, _text(text, "an answer"))
        self._append(found.id, {"answers": found.id, **asdict(answer)})
        return replace(found, answers=(*found.answers, answer))

    def of(self, feedback: str) -> Feedback:
        """One of all, by its id; FeedbackRefused when there is none."""
        day = day_of(feedback)
        found = next((given for given in self.on(day) if given.id == feedback), None) if day else None
        if found is None:
            raise FeedbackRefused(f"there is no feedback '{feedback[:40]}'. List it: dagmesh feedback list <product>")
        return found

    def about(self, address: Address) -> list[Feedback]:
        """All that was said of a product (with a major: of that one), newest first."""
        found = [given for day in self.days.days() for given in self.on(day)]
        its = [given for given in found if given.address.name == address.name and address.major in (None, given.address.major)]
        return sorted(its, key=lambda given: given.at, reverse=True)

    def on(self, day: date) -> Iterator[Feedback]:
        """All that was said on a UTC day, oldest first, with the answers it has by now."""
        answers: dict[str, list[Answer]] = {}
        given: list[dict[str, Any]] = []
        for number, line in enumerate(self.days.lines(day), start=1):
            try:
                read = json.loads(line)
                read["at"] = datetime.fromisoformat(read["at"])
                if "answers" in read:
                    answers.setdefault(read.pop("answers"), []).append(Answer(**read))
                else:
                    given.append(read)
            except (ValueError, TypeError, KeyError) as error:
                raise MeshError(f"{self.days.path(day)}: line {number} is no feedback. Put the file back as it was written.") from error
        for one in given:
            said = Said(one["kind"], one["stars"], one["text"], one["key"])
            about = one["id"], one["at"], Address.parse(one["address"]), one["author"], one["reader"]
            yield Feedback(*about, said, tuple(answers.get(one["id"], ())))

    def _append(self, feedback: str, line: Mapping[str, Any]) -> None:
        day = day_of(feedback) or datetime.now(UTC).date()
        try:
            self.days.append(day, line)
        except OSError as error:
            raise MeshError(
                f"{self.days.path(day)}: the feedback cannot be written ({error.strerror or error}). "
                f"Make room, or make the folder writable for its owner."
            ) from error


def _checked(said: Said, product: Mapping[str, Any], address: str) -> Said:
    """What is said, in the form that is kept."""
    if said.kind not in KINDS:
        raise FeedbackRefused(f"unknown kind of feedback {str(said.kind)[:40]!r}; choose {one_of(KINDS)}.")
    if said.kind == "rating" and (type(said.stars) is not int or said.stars not in range(1, 6)):
        raise FeedbackRefused(f"a rating of {address} has 1 to 5 stars; got {said.stars!r}.")
    for word, kind in (("stars", "rating"), ("key", "wrong_row")):
        if getattr(said, word) is not None and said.kind != kind:
            raise FeedbackRefused(f"a {said.kind} of {address} has no {word}; write a {kind} for that.")
    if said.kind == "wrong_row":
        check_key(product, address, said.key or {})
    text = _text(said.text, f"a {said.kind} of {address}", needed=said.kind != "rating")
    return replace(said, text=text)


def _text(text: str, what: str, *, needed: bool = True) -> str:
    """The text without control characters at its ends; FeedbackRefused when it is not text that can be kept and shown."""
    if not isinstance(text, str):
        raise FeedbackRefused(f"{what} is a text; got {type(text).__name__}.")
    text = text.replace("\r\n", "\n").strip()
    if needed and not text:
        raise FeedbackRefused(f"{what} says something; got no text.")
    if len(text) > LONGEST:
        raise FeedbackRefused(f"{what} has at most {LONGEST:,} characters; got {len(text):,}.")
    wrong = next((character for character in text if _is_hidden(character)), None)
    if wrong:
        raise FeedbackRefused(f"{what} has a character that cannot be shown, U+{ord(wrong):04X}. Take it out.")
    return text


def _is_hidden(character: str) -> bool:
    """Whether it is a control, half of a character, or one that turns the direction in which what is around it is read."""
    return (unicodedata.category(character) in ("Cc", "Cs") and character not in "\n\t") or unicodedata.bidirectional(character) in _TURNING
