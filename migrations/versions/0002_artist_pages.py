"""What pages of artists hand down to works, and where the bytes of an image came from.

Revision: 0002
Follows: 0001
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

# Until now every maker was named by the page of the work.
SAID = """
UPDATE artwork_artists m
SET said = jsonb_build_object(
    'name', a.name, 'name_key', a.name_key, 'nationality', a.nationality,
    'birth_year', a.birth_year, 'death_year', a.death_year, 'page_url', a.page_url)
FROM artists a WHERE a.id = m.artist_id
"""


def upgrade() -> None:
    op.add_column(
        "artists",
        sa.Column(
            "has_page",
            sa.Boolean(),
            server_default=sa.text("false"),
            nullable=False,
            comment="Whether such a page was read: the artist then stays, even without works",
        ),
    )
    op.add_column(
        "artwork_artists",
        sa.Column(
            "said",
            postgresql.JSONB(astext_type=sa.Text()),
            nullable=True,
            comment="The maker as the page of the work names it; null: only the page of the artist does",
        ),
    )
    op.execute(SAID)
    op.add_column(
        "image_sources",
        sa.Column(
            "fetched_url",
            sa.Text(),
            nullable=True,
            comment="Address that the bytes came from, where it is not url: a smaller size or another copy",
        ),
    )


def downgrade() -> None:
    op.drop_column("image_sources", "fetched_url")
    op.drop_column("artwork_artists", "said")
    op.drop_column("artists", "has_page")
