"""The small mesh of tests/small_mesh.py."""

from tests.small_mesh import small_mesh

__all__ = ["small_mesh"]
