"""Lineage saved and queried, in SQLite or PostgreSQL. To the store an event is bytes."""
