"""Lineage kept and asked for, in SQLite or PostgreSQL. Knows no events beyond bytes to remember."""
