"""Policy: a customer's own thresholds, and waivers."""

import sqlalchemy as sa
from alembic import op

import collector.database


revision = '0004'
down_revision = '0003'
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the tables up."""
    op.create_table('policy_entry',
    sa.Column('customer_id', sa.String(length=32), nullable=False),
    sa.Column('id', sa.String(length=32), nullable=False),
    sa.Column('code', sa.String(length=32), nullable=False),
    sa.Column('site', sa.String(length=200), nullable=False),
    sa.Column('host', sa.String(length=255), nullable=False),
    sa.Column('object', sa.String(length=500), nullable=False),
    sa.Column('thresholds', sa.JSON(), nullable=False),
    sa.Column('waived', sa.Boolean(), nullable=False),
    sa.Column('why', sa.String(length=1000), nullable=False),
    sa.Column('person', sa.String(length=200), nullable=False),
    sa.Column('set_at', collector.database.Moment(timezone=True), nullable=False),
    sa.Column('expires', sa.Date(), nullable=True),
    sa.ForeignKeyConstraint(['customer_id'], ['customer.id'], ),
    sa.PrimaryKeyConstraint('customer_id', 'id')
    )


def downgrade() -> None:
    """Take the tables down."""
    op.drop_table('policy_entry')
