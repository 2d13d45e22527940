"""Values as JSON has them: decimals as text, so that no digit is lost; times as ISO 8601; NaN and infinities as null."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import date
from typing import Any


def json_ready(value: Any) -> Any:
    """The value, and all in it, as `json.dumps` takes it."""
    if isinstance(value, Mapping):
        return {str(key): json_ready(item) for key, item in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [json_ready(item) for item in value]
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if value is None or isinstance(value, (bool, int, str)):
        return value
    return value.isoformat() if isinstance(value, date) else str(value)
