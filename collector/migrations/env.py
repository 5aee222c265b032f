"""Run migrations on the connection that collector/database.py hands over."""

from alembic import context

from collector.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata(),
    # SQLite can't alter a table in place; Alembic makes a new one and copies.
    render_as_batch=True,
    transaction_per_migration=False,
)
with context.begin_transaction():
    context.run_migrations()
