"""Which projections fold personal values: the state of such a one holds them opened, so an erasure has to reach it."""

from __future__ import annotations

from dagmesh.events.projections.state import Definition
from dagmesh.events.typed import quoted
from dagmesh.events.upcast import Upcasts, empty


def folds_personal(definition: Definition) -> bool:
    """Whether the projection's SQL needs a field that any version calls personal; of a lifted type, whether it folds the type."""
    return any(_needs_personal(definition, kind) for kind in definition.projection.entity.types)


def _needs_personal(definition: Definition, type: str) -> bool:
    import duckdb

    personal = {name for (named, _), kind in definition.types.items() if named == type for name in kind.personal}
    if personal and any(lift.type == type for lift in definition.upcasts):
        return True  # what a lift makes of a personal field is personal too, whatever it is called
    newest, entity = Upcasts(definition.types, definition.upcasts).newest(type), definition.projection.entity
    hidden = [quoted(field.column) for name, field in newest.fields.items() if name in personal]
    if not hidden:
        return False
    used = [*entity.key.values(), *(folded.on[type] for folded in entity.columns.values() if type in folded.on)]
    seen = f"(SELECT * EXCLUDE ({', '.join(hidden)}) FROM ({empty(newest)}))"
    with duckdb.connect() as con:
        try:
            con.execute(f"DESCRIBE SELECT {', '.join(f'({sql})' for sql in used)} FROM {seen}")
        except duckdb.BinderException:
            return True
    return False
