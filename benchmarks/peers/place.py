"""Where one contender builds the mesh once: the files handed over, day after day, and what it makes of them."""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from pathlib import Path

from benchmarks.peers.exports import RAW_DAILY, day_number, raw_path

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Place:
    """A folder of its own for one contender and one round; `days` are those of the full build, from the first on."""

    folder: Path
    days: int

    @property
    def raw(self) -> str:
        """The folder of the files handed over; dagmesh finds it there with the place as its home."""
        return str(self.folder / "exports")

    @property
    def out(self) -> Path:
        """Where a contender writes."""
        return self.folder / "out"

    def last(self, step: str) -> str:
        """The newest day there is at a step."""
        return str(day_number(self.days - 1 if step == "full" else self.days))

    def hand_over(self, exports: Path) -> None:
        """Link everything but the newest day's files into the place."""
        shutil.copytree(exports, self.raw, copy_function=os.link, ignore=shutil.ignore_patterns(f"day={self.last('one day more')}"))
        self.out.mkdir()

    def hand_over_one_day_more(self, exports: Path) -> None:
        """Link the newest day's files into the place."""
        for name in RAW_DAILY:
            day = self.last("one day more")
            file = Path(raw_path(self.raw, name, day))
            file.parent.mkdir()
            os.link(raw_path(str(exports), name, day), file)
