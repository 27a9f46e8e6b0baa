"""The first schema, with the vocabulary to start from."""

from alembic import op
from harvest.tables import entity_type, metadata, relation_type
from harvest.vocabulary import ENTITY_TYPES, RELATION_TYPES

revision = "0001"
down_revision = None


def upgrade() -> None:
    metadata.create_all(op.get_bind())
    op.bulk_insert(entity_type, [{"name": name} for name in ENTITY_TYPES])
    op.bulk_insert(relation_type, [{"name": name} for name in RELATION_TYPES])


def downgrade() -> None:
    metadata.drop_all(op.get_bind())
