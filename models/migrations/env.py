"""Alembic asks here how to reach the database. The connection is given: nothing is read from files or variables."""

from alembic import context

from models.tables import Base

context.configure(connection=context.config.attributes["connection"], target_metadata=Base.metadata)
with context.begin_transaction():
    context.run_migrations()
