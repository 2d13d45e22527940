"""Lets each domain's tests import their domain, as its code location does."""

import sys
from pathlib import Path

sys.path += [str(project.parent) for project in sorted(Path(__file__).parent.glob("*/pyproject.toml"))]
