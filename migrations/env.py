"""Alembic's environment: migrations run on the connection, and in the transaction, that `plumbing/db` hands over."""

from alembic import context
from sqlalchemy import Connection

connection = context.config.attributes["connection"]
if not isinstance(connection, Connection):
    raise TypeError("migrations run through guiyi.plumbing.db")
context.configure(connection=connection, transaction_per_migration=False)
with context.begin_transaction():
    context.run_migrations()
