"""The store's SQLite tables: events are only ever added, one position after the other."""

EVENTS = "position, id, source, type, version, subject, time, data, predecessor, hash"

TABLES = """
CREATE TABLE IF NOT EXISTS events(
    position INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    source TEXT NOT NULL,
    type TEXT NOT NULL,
    version INTEGER NOT NULL,
    subject TEXT NOT NULL,
    time INTEGER NOT NULL,  -- microseconds since 1970, UTC
    data TEXT NOT NULL,
    predecessor BLOB NOT NULL,
    hash BLOB NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS events_by_subject ON events(subject, position);
CREATE INDEX IF NOT EXISTS events_by_type ON events(type, position);
CREATE TABLE IF NOT EXISTS event_types(
    name TEXT NOT NULL,
    version INTEGER NOT NULL,
    schema TEXT NOT NULL,
    PRIMARY KEY (name, version)
) STRICT;

CREATE TRIGGER IF NOT EXISTS events_never_change BEFORE UPDATE ON events
BEGIN SELECT RAISE(ABORT, 'events never change'); END;
CREATE TRIGGER IF NOT EXISTS events_never_go BEFORE DELETE ON events
BEGIN SELECT RAISE(ABORT, 'events never go'); END;
-- INSERT OR REPLACE deletes without asking the trigger above, so it is stopped here.
CREATE TRIGGER IF NOT EXISTS events_come_one_after_the_other BEFORE INSERT ON events
WHEN NEW.position <> coalesce((SELECT max(position) FROM events), 0) + 1 OR EXISTS (SELECT 1 FROM events WHERE id = NEW.id)
BEGIN SELECT RAISE(ABORT, 'events come one after the other'); END;
CREATE TRIGGER IF NOT EXISTS types_never_change BEFORE UPDATE ON event_types
BEGIN SELECT RAISE(ABORT, 'event types never change'); END;
CREATE TRIGGER IF NOT EXISTS types_never_go BEFORE DELETE ON event_types
BEGIN SELECT RAISE(ABORT, 'event types never go'); END;
"""
