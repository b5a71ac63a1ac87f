"""Images as vectors, groups, the map, and what stands out.

Revision: 0006
Follows: 0005
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from pgvector.sqlalchemy import HALFVEC
from sqlalchemy.dialects import postgresql

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("CREATE EXTENSION IF NOT EXISTS vector")
    _results(
        "image_embeddings",
        sa.Column(
            "embedding",
            HALFVEC(),
            nullable=False,
            comment="The vector; the model's params->'dimensions' says how long it is",
        ),
        model="The network, its layer and its weights",
        comment="Images as vectors of length 1: what is alike is near. One HNSW index for each "
        "model, made when its images are embedded",
    )
    op.create_index("ix_image_embeddings_model_id", "image_embeddings", ["model_id", "image_id"])
    op.create_table(
        "clusters",
        sa.Column("model_id", sa.BigInteger(), nullable=False, comment="The clustering"),
        sa.Column(
            "cluster",
            sa.Integer(),
            autoincrement=False,
            nullable=False,
            comment="Number of the group, from 1, largest first",
        ),
        sa.Column(
            "size",
            sa.Integer(),
            nullable=False,
            comment="Images that belong to it most of all",
        ),
        sa.Column(
            "theme",
            sa.Text(),
            nullable=True,
            comment="What its works have in common, in terms",
        ),
        sa.Column(
            "metrics",
            postgresql.JSONB(),
            server_default=sa.text("'{}'::jsonb"),
            nullable=False,
            comment="Distances within and between, terms with their lift",
        ),
        sa.ForeignKeyConstraint(
            ["model_id"],
            ["models.id"],
            name=op.f("fk_clusters_model_id_models"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("model_id", "cluster", name=op.f("pk_clusters")),
        comment="Groups of images that belong together",
    )
    _results(
        "image_clusters",
        sa.Column(
            "cluster",
            sa.Integer(),
            autoincrement=False,
            nullable=False,
            comment="Number of the group in clusters",
        ),
        sa.Column(
            "probability",
            sa.Double(),
            nullable=False,
            comment="How much it belongs to the group, 0 to 1",
        ),
        key=("image_id", "model_id", "cluster"),
        model="The clustering",
        comment="Which images belong to which group, and how much",
    )
    op.create_index("ix_image_clusters_model_id_cluster", "image_clusters", ["model_id", "cluster"])
    _results(
        "image_positions",
        sa.Column("x", sa.Double(), nullable=False, comment="From left, 0, to right, 1"),
        sa.Column("y", sa.Double(), nullable=False, comment="From top, 0, to bottom, 1"),
        model="The map",
        comment="A map of the collection: what is alike lies together",
    )
    _results(
        "image_outliers",
        sa.Column(
            "score", sa.Double(), nullable=False, comment="More is odder, in the method's unit"
        ),
        sa.Column(
            "is_outlier",
            sa.Boolean(),
            nullable=False,
            comment="Whether it is above the threshold",
        ),
        sa.Column(
            "label",
            sa.Text(),
            nullable=True,
            comment="kind:name of the term whose works it was compared with; null: with all",
        ),
        model="The method",
        comment="How much each image differs from the others",
    )
    op.create_index("ix_image_outliers_model_id_score", "image_outliers", ["model_id", "score"])


def downgrade() -> None:
    # The extension stays: other tables of the database may use it.
    for table in (
        "image_outliers",
        "image_positions",
        "image_clusters",
        "clusters",
        "image_embeddings",
    ):
        op.drop_table(table)


def _results(
    table: str,
    *columns: sa.Column[object],
    key: tuple[str, ...] = ("image_id", "model_id"),
    model: str,
    comment: str,
) -> None:
    """Make a table of what models say of images."""
    op.create_table(
        table,
        sa.Column("image_id", sa.BigInteger(), nullable=False, comment="The image"),
        sa.Column("model_id", sa.BigInteger(), nullable=False, comment=model),
        *columns,
        sa.ForeignKeyConstraint(
            ["image_id"],
            ["images.id"],
            name=op.f(f"fk_{table}_image_id_images"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["model_id"],
            ["models.id"],
            name=op.f(f"fk_{table}_model_id_models"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint(*key, name=op.f(f"pk_{table}")),
        comment=comment,
    )
