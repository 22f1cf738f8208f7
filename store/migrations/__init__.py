"""The schema's numbered steps, run by Alembic."""
