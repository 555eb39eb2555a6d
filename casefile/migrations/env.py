"""Alembic's entry: runs on the connection that `casefile.store.schema` hands over."""

from alembic import context

from casefile.store.tables import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata)
context.run_migrations()
