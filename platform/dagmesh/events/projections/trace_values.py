"""The values that a row is made of while the events of its things are followed: the least, the greatest, how many different."""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any


class Held:
    """What the things of a row give it now. Each value has a number, in order.

    Args:
        way: min, max or count_distinct of the values, or `value`: the one there is.
        values: the value of each number; None, or a number without one, stands for NULL.
    """

    def __init__(self, way: str, values: Mapping[int, Any]) -> None:
        self._way, self._values = way, values
        self._of: dict[int, Sequence[int]] = {}
        self._counted: Counter[int] = Counter()
        self._heap: list[int] = []
        self._elements = 0

    def replaced(self, thing: int, numbers: Sequence[int]) -> Any:
        """What the thing contributes by these values instead of those it gave before; of different values how many more there are."""
        before = len(self._counted)
        for number in self._of.get(thing, ()):
            self._counted[number] -= 1
            if not self._counted[number]:
                del self._counted[number]
        self._elements += len(numbers) - len(self._of.get(thing, ()))
        known = [number for number in numbers if number in self._values]
        for number in known:
            if number not in self._counted:
                heapq.heappush(self._heap, self._sign * number)
            self._counted[number] += 1
        self._of[thing] = numbers
        if self._way == "count_distinct":
            return len(self._counted) - before
        return self._values[min(known, key=lambda number: self._sign * number)] if known else None

    @property
    def there(self) -> bool:
        """Whether any thing gives anything, NULL too: whether there is a row."""
        return self._elements > 0

    @property
    def value(self) -> Any:
        """The row's value."""
        if self._way == "count_distinct":
            return len(self._counted) if self.there else None
        while self._heap and self._sign * self._heap[0] not in self._counted:
            heapq.heappop(self._heap)
        return self._values[self._sign * self._heap[0]] if self._heap else None

    @property
    def _sign(self) -> int:
        return 1 if self._way == "min" else -1
