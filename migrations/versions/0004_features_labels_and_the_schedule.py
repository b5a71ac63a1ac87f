"""What jobs measure and recognise in images, and what the schedule ran.

Revision: 0004
Follows: 0003
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "image_features",
        sa.Column("image_id", sa.BigInteger(), nullable=False, comment="The image"),
        sa.Column("model_id", sa.BigInteger(), nullable=False, comment="The set of features"),
        sa.Column(
            "values",
            postgresql.ARRAY(sa.Double()),
            nullable=False,
            comment="The numbers, in the order of the model's params->'names'",
        ),
        sa.ForeignKeyConstraint(
            ["image_id"],
            ["images.id"],
            name=op.f("fk_image_features_image_id_images"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["model_id"],
            ["models.id"],
            name=op.f("fk_image_features_model_id_models"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("image_id", "model_id", name=op.f("pk_image_features")),
        comment="What was measured in each image: statistics of its colour channels",
    )
    op.create_table(
        "image_labels",
        sa.Column("image_id", sa.BigInteger(), nullable=False, comment="The image"),
        sa.Column("model_id", sa.BigInteger(), nullable=False, comment="The model that says so"),
        sa.Column("head", sa.Text(), nullable=False, comment="What is told: color, style, …"),
        sa.Column("label", sa.Text(), nullable=False, comment="The label"),
        sa.Column("score", sa.Double(), nullable=False, comment="How sure the model is, 0 to 1"),
        sa.Column(
            "accepted",
            sa.Boolean(),
            nullable=False,
            comment="Whether the label counts: the likeliest, or above the model's threshold",
        ),
        sa.ForeignKeyConstraint(
            ["image_id"],
            ["images.id"],
            name=op.f("fk_image_labels_image_id_images"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["model_id"],
            ["models.id"],
            name=op.f("fk_image_labels_model_id_models"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint(
            "image_id", "model_id", "head", "label", name=op.f("pk_image_labels")
        ),
        comment="What models recognise in images",
    )
    op.create_index(
        "ix_image_labels_model_id_head_label", "image_labels", ["model_id", "head", "label"]
    )
    op.create_table(
        "schedule_runs",
        sa.Column(
            "id", sa.BigInteger(), sa.Identity(always=True), nullable=False, comment="Row number"
        ),
        sa.Column("entry", sa.Text(), nullable=False, comment="Name of the entry in the file"),
        sa.Column(
            "command",
            postgresql.ARRAY(sa.Text()),
            nullable=False,
            comment="What was started, word by word",
        ),
        sa.Column(
            "state",
            sa.Text(),
            nullable=False,
            comment="running, done, retryable (exit code 4), failed, interrupted, or skipped (it "
            "was due while its former run went on)",
        ),
        sa.Column(
            "due_at",
            sa.DateTime(timezone=True),
            nullable=True,
            comment="When the entry was due; null: it was started by hand",
        ),
        sa.Column(
            "started_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
            comment="Start",
        ),
        sa.Column(
            "finished_at",
            sa.DateTime(timezone=True),
            nullable=True,
            comment="End; null: under way or killed",
        ),
        sa.Column("exit_code", sa.Integer(), nullable=True, comment="Exit code of the command"),
        sa.Column("output", sa.Text(), nullable=True, comment="The last lines that it printed"),
        sa.Column("worker", sa.Text(), nullable=False, comment="Host and process that ran it"),
        sa.CheckConstraint(
            "state IN ('running', 'done', 'retryable', 'failed', 'interrupted', 'skipped')",
            name=op.f("ck_schedule_runs_state"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_schedule_runs")),
        comment="Log of what the schedule ran",
    )
    op.create_index("ix_schedule_runs_entry_id", "schedule_runs", ["entry", "id"])


def downgrade() -> None:
    op.drop_table("schedule_runs")
    op.drop_table("image_labels")
    op.drop_table("image_features")
