"""The schema's history, by Alembic; `workers.database` runs it."""
