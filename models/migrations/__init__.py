"""The schema's history, by Alembic; `workers.schema` runs it."""
