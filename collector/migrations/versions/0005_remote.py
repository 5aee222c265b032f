"""Grants, engineers, SSH host keys; remote sessions with their records and work records."""

import sqlalchemy as sa
from alembic import op

import collector.database


revision = '0005'
down_revision = '0004'
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the tables up."""
    with op.batch_alter_table('inspection', schema=None) as batch_op:
        batch_op.add_column(sa.Column('remote', sa.JSON(), nullable=True))
    op.create_table('engineer',
    sa.Column('id', sa.String(length=64), nullable=False),
    sa.Column('name', sa.String(length=200), nullable=False),
    sa.Column('public_key', sa.LargeBinary(), nullable=False),
    sa.Column('added_at', collector.database.Moment(timezone=True), nullable=False),
    sa.Column('added_by', sa.String(length=200), nullable=False),
    sa.Column('removed_at', collector.database.Moment(timezone=True), nullable=True),
    sa.Column('removed_by', sa.String(length=200), nullable=True),
    sa.PrimaryKeyConstraint('id')
    )
    op.create_table('grant',
    sa.Column('customer_id', sa.String(length=32), nullable=False),
    sa.Column('id', sa.String(length=32), nullable=False),
    sa.Column('envelope', sa.LargeBinary(), nullable=False),
    sa.Column('not_before', collector.database.Moment(timezone=True), nullable=False),
    sa.Column('not_after', collector.database.Moment(timezone=True), nullable=False),
    sa.Column('granted_at', collector.database.Moment(timezone=True), nullable=False),
    sa.Column('granted_by', sa.String(length=200), nullable=False),
    sa.Column('revoked_at', collector.database.Moment(timezone=True), nullable=True),
    sa.Column('revoked_by', sa.String(length=200), nullable=True),
    sa.Column('revoked_why', sa.String(length=1000), nullable=True),
    sa.ForeignKeyConstraint(['customer_id'], ['customer.id'], ),
    sa.PrimaryKeyConstraint('customer_id', 'id')
    )
    op.create_table('change_proof',
    sa.Column('customer_id', sa.String(length=32), nullable=False),
    sa.Column('id', sa.String(length=32), nullable=False),
    sa.Column('host_id', sa.String(length=32), nullable=False),
    sa.Column('proved_at', collector.database.Moment(timezone=True), nullable=False),
    sa.Column('subject', sa.Text(), nullable=False),
    sa.Column('document_name', sa.String(length=255), nullable=False),
    sa.Column('document', sa.LargeBinary(), nullable=False),
    sa.Column('digest', sa.String(length=64), nullable=False),
    sa.Column('added_at', collector.database.Moment(timezone=True), nullable=False),
    sa.Column('added_by', sa.String(length=200), nullable=False),
    sa.ForeignKeyConstraint(['customer_id', 'host_id'], ['host.customer_id', 'host.id'], ),
    sa.PrimaryKeyConstraint('customer_id', 'id')
    )
    op.create_index('change_proof_host', 'change_proof', ['customer_id', 'host_id', 'proved_at'], unique=False)
    op.create_table('remote_session',
    sa.Column('customer_id', sa.String(length=32), nullable=False),
    sa.Column('id', sa.String(length=64), nullable=False),
    sa.Column('host_id', sa.String(length=32), nullable=False),
    sa.Column('grant_id', sa.String(length=64), nullable=False),
    sa.Column('engineer_id', sa.String(length=64), nullable=False),
    sa.Column('person', sa.String(length=200), nullable=False),
    sa.Column('purpose', sa.String(length=16), nullable=False),
    sa.Column('opening', sa.LargeBinary(), nullable=False),
    sa.Column('opened_at', collector.database.Moment(timezone=True), nullable=False),
    sa.Column('received_at', collector.database.Moment(timezone=True), nullable=False),
    sa.Column('denial', sa.String(length=32), nullable=True),
    sa.Column('accepted_by', sa.String(length=200), nullable=True),
    sa.Column('proof', sa.LargeBinary(), nullable=True),
    sa.Column('closing', sa.LargeBinary(), nullable=True),
    sa.Column('ended_at', collector.database.Moment(timezone=True), nullable=True),
    sa.Column('ended', sa.String(length=32), nullable=True),
    sa.ForeignKeyConstraint(['customer_id', 'host_id'], ['host.customer_id', 'host.id'], ),
    sa.PrimaryKeyConstraint('customer_id', 'id')
    )
    op.create_index('remote_session_host', 'remote_session', ['customer_id', 'host_id', 'opened_at'], unique=False)
    op.create_table('ssh_host_key',
    sa.Column('customer_id', sa.String(length=32), nullable=False),
    sa.Column('id', sa.String(length=32), nullable=False),
    sa.Column('host_id', sa.String(length=32), nullable=False),
    sa.Column('line', sa.Text(), nullable=False),
    sa.Column('fingerprint', sa.String(length=100), nullable=False),
    sa.Column('source', sa.String(length=32), nullable=False),
    sa.Column('added_at', collector.database.Moment(timezone=True), nullable=False),
    sa.Column('added_by', sa.String(length=200), nullable=False),
    sa.Column('removed_at', collector.database.Moment(timezone=True), nullable=True),
    sa.Column('removed_by', sa.String(length=200), nullable=True),
    sa.ForeignKeyConstraint(['customer_id', 'host_id'], ['host.customer_id', 'host.id'], ),
    sa.PrimaryKeyConstraint('customer_id', 'id'),
    sa.UniqueConstraint('customer_id', 'host_id', 'fingerprint')
    )
    op.create_table('session_record_part',
    sa.Column('customer_id', sa.String(length=32), nullable=False),
    sa.Column('session_id', sa.String(length=64), nullable=False),
    sa.Column('part', sa.Integer(), nullable=False),
    sa.Column('digest', sa.String(length=64), nullable=False),
    sa.Column('payload', sa.LargeBinary(), nullable=False),
    sa.Column('signature', sa.LargeBinary(), nullable=False),
    sa.Column('received_at', collector.database.Moment(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(['customer_id', 'session_id'], ['remote_session.customer_id', 'remote_session.id'], ),
    sa.PrimaryKeyConstraint('customer_id', 'session_id', 'part')
    )
    op.create_table('work_record',
    sa.Column('customer_id', sa.String(length=32), nullable=False),
    sa.Column('session_id', sa.String(length=64), nullable=False),
    sa.Column('id', sa.String(length=32), nullable=False),
    sa.Column('written_at', collector.database.Moment(timezone=True), nullable=False),
    sa.Column('written_by', sa.String(length=200), nullable=False),
    sa.Column('problem', sa.Text(), nullable=False),
    sa.Column('done', sa.Text(), nullable=False),
    sa.Column('result', sa.Text(), nullable=False),
    sa.Column('cause', sa.Text(), nullable=False),
    sa.Column('prevention', sa.Text(), nullable=False),
    sa.Column('confirmed_by', sa.String(length=200), nullable=False),
    sa.Column('confirmed_at', collector.database.Moment(timezone=True), nullable=True),
    sa.ForeignKeyConstraint(['customer_id', 'session_id'], ['remote_session.customer_id', 'remote_session.id'], ),
    sa.PrimaryKeyConstraint('customer_id', 'session_id', 'id')
    )


def downgrade() -> None:
    """Take the tables down."""
    op.drop_table('work_record')
    op.drop_table('session_record_part')
    op.drop_table('ssh_host_key')
    op.drop_index('remote_session_host', table_name='remote_session')
    op.drop_table('remote_session')
    op.drop_index('change_proof_host', table_name='change_proof')
    op.drop_table('change_proof')
    op.drop_table('grant')
    op.drop_table('engineer')
    with op.batch_alter_table('inspection', schema=None) as batch_op:
        batch_op.drop_column('remote')
