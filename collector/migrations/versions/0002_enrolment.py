"""Enrolment: keys, slots, approval, alarms, audit; signed batches and their branches."""

from typing import Any

import sqlalchemy as sa
from alembic import op

import collector.database


revision = '0002'
down_revision = '0001'
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the tables up."""
    op.create_table('collector_key',
    sa.Column('id', sa.String(length=64), nullable=False),
    sa.Column('public_key', sa.LargeBinary(), nullable=False),
    sa.Column('recipient', sa.String(length=200), nullable=False),
    sa.Column('created_at', collector.database.Moment(timezone=True), nullable=False),
    sa.PrimaryKeyConstraint('id')
    )
    op.create_table('alarm',
    sa.Column('customer_id', sa.String(length=32), nullable=False),
    sa.Column('id', sa.String(length=32), nullable=False),
    sa.Column('at', collector.database.Moment(timezone=True), nullable=False),
    sa.Column('kind', sa.String(length=32), nullable=False),
    sa.Column('agent_id', sa.String(length=64), nullable=True),
    sa.Column('subject', sa.Text(), nullable=False),
    sa.ForeignKeyConstraint(['customer_id'], ['customer.id'], ),
    sa.PrimaryKeyConstraint('customer_id', 'id')
    )
    with op.batch_alter_table('alarm', schema=None) as batch_op:
        batch_op.create_index('alarm_agent', ['customer_id', 'agent_id'], unique=False)

    op.create_table('audit',
    sa.Column('customer_id', sa.String(length=32), nullable=False),
    sa.Column('id', sa.String(length=32), nullable=False),
    sa.Column('at', collector.database.Moment(timezone=True), nullable=False),
    sa.Column('person', sa.String(length=200), nullable=False),
    sa.Column('action', sa.String(length=64), nullable=False),
    sa.Column('subject', sa.Text(), nullable=False),
    sa.Column('before', sa.JSON(), nullable=True),
    sa.Column('after', sa.JSON(), nullable=True),
    sa.ForeignKeyConstraint(['customer_id'], ['customer.id'], ),
    sa.PrimaryKeyConstraint('customer_id', 'id')
    )
    op.create_table('slot',
    sa.Column('customer_id', sa.String(length=32), nullable=False),
    sa.Column('id', sa.String(length=32), nullable=False),
    sa.Column('host_id', sa.String(length=32), nullable=False),
    sa.Column('code_id', sa.String(length=32), nullable=False),
    sa.Column('verifier', sa.LargeBinary(), nullable=False),
    sa.Column('created_at', collector.database.Moment(timezone=True), nullable=False),
    sa.Column('created_by', sa.String(length=200), nullable=False),
    sa.Column('expires_at', collector.database.Moment(timezone=True), nullable=False),
    sa.Column('agent_id', sa.String(length=64), nullable=True),
    sa.ForeignKeyConstraint(['customer_id', 'host_id'], ['host.customer_id', 'host.id'], ),
    sa.PrimaryKeyConstraint('customer_id', 'id'),
    sa.UniqueConstraint('code_id')
    )
    op.create_table('agent_key',
    sa.Column('customer_id', sa.String(length=32), nullable=False),
    sa.Column('agent_id', sa.String(length=64), nullable=False),
    sa.Column('id', sa.String(length=64), nullable=False),
    sa.Column('public_key', sa.LargeBinary(), nullable=False),
    sa.Column('added_at', collector.database.Moment(timezone=True), nullable=False),
    sa.Column('successor', sa.String(length=64), nullable=True),
    sa.Column('reach', sa.JSON(), nullable=False),
    sa.Column('statement', sa.LargeBinary(), nullable=True),
    sa.ForeignKeyConstraint(['customer_id', 'agent_id'], ['agent.customer_id', 'agent.id'], ),
    sa.PrimaryKeyConstraint('customer_id', 'agent_id', 'id'),
    sa.UniqueConstraint('id')
    )
    with op.batch_alter_table('agent', schema=None) as batch_op:
        # Agents of before have no key: nothing can come from them any more.
        batch_op.add_column(sa.Column('standing', sa.String(length=8), nullable=False, server_default='revoked'))
        batch_op.add_column(sa.Column('decided_at', collector.database.Moment(timezone=True), nullable=True))
        batch_op.add_column(sa.Column('decided_by', sa.String(length=200), nullable=True))
        batch_op.add_column(sa.Column('revoked_why', sa.String(length=500), nullable=True))
        batch_op.add_column(sa.Column('told', sa.JSON(), nullable=False, server_default='{}'))

    _batches_again(
        _kept_columns(),
        [
            sa.Column('branch', sa.String(length=16), nullable=False, server_default=''),
            sa.Column('key_id', sa.String(length=64), nullable=False, server_default=''),
            sa.Column('signature', sa.LargeBinary(), nullable=False, server_default=''),
            sa.Column('delivery', sa.Text(), nullable=True),
            sa.Column('bundle', sa.String(length=64), nullable=True),
        ],
        ['customer_id', 'agent_id', 'epoch', 'branch', 'seq'],
    )
    with op.batch_alter_table('inspection', schema=None) as batch_op:
        batch_op.add_column(sa.Column('offset_seconds', sa.Float(), nullable=True))
    with op.batch_alter_table('newest_observation', schema=None) as batch_op:
        batch_op.add_column(sa.Column('facts_monotonic_seconds', sa.Float(), nullable=True))


def _kept_columns() -> list[sa.Column[Any]]:
    return [
        sa.Column('customer_id', sa.String(length=32), nullable=False),
        sa.Column('agent_id', sa.String(length=64), nullable=False),
        sa.Column('epoch', sa.String(length=64), nullable=False),
        sa.Column('seq', sa.BigInteger(), nullable=False),
        sa.Column('digest', sa.String(length=64), nullable=False),
        sa.Column('payload', sa.LargeBinary(), nullable=False),
        sa.Column('received_at', collector.database.Moment(timezone=True), nullable=False),
        sa.Column('state', sa.String(length=12), nullable=False),
        sa.Column('inspection_id', sa.String(length=64), nullable=True),
    ]


def _batches_again(kept: list[sa.Column[Any]], more: list[sa.Column[Any]], key: list[str]) -> None:
    """Make the table anew with another primary key: SQLite can't change one."""
    names = ', '.join(column.name for column in kept)
    op.create_table(
        'batch_again',
        *kept,
        *more,
        sa.ForeignKeyConstraint(['customer_id', 'agent_id'], ['agent.customer_id', 'agent.id']),
        sa.PrimaryKeyConstraint(*key),
    )
    op.execute(f"INSERT INTO batch_again ({names}) SELECT {names} FROM batch")
    op.drop_table('batch')
    op.rename_table('batch_again', 'batch')
    op.create_index('batch_inspection', 'batch', ['customer_id', 'inspection_id'])
    op.create_index('batch_state', 'batch', ['state', 'received_at'])


def downgrade() -> None:
    """Take them back."""
    with op.batch_alter_table('inspection', schema=None) as batch_op:
        batch_op.drop_column('offset_seconds')
    with op.batch_alter_table('newest_observation', schema=None) as batch_op:
        batch_op.drop_column('facts_monotonic_seconds')
    op.execute("DELETE FROM batch WHERE branch <> ''")
    _batches_again(_kept_columns(), [], ['customer_id', 'agent_id', 'epoch', 'seq'])

    with op.batch_alter_table('agent', schema=None) as batch_op:
        batch_op.drop_column('told')
        batch_op.drop_column('revoked_why')
        batch_op.drop_column('decided_by')
        batch_op.drop_column('decided_at')
        batch_op.drop_column('standing')

    op.drop_table('agent_key')
    op.drop_table('slot')
    op.drop_table('audit')
    with op.batch_alter_table('alarm', schema=None) as batch_op:
        batch_op.drop_index('alarm_agent')

    op.drop_table('alarm')
    op.drop_table('collector_key')
