"""Plans: the problem, the plan and what its report shows, as they were made."""

from alembic import op

revision = "0003_plan"
down_revision = "0002_register"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute(
        """
        CREATE TABLE plan (
            plan_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
            made_at timestamptz NOT NULL,
            made_by text NOT NULL CHECK (made_by <> ''),
            status text NOT NULL CHECK (status IN ('proven_optimal', 'gap')),
            problem_sha256 text NOT NULL CHECK (problem_sha256 ~ '^[0-9a-f]{64}$'),
            plan_sha256 text NOT NULL CHECK (plan_sha256 ~ '^[0-9a-f]{64}$'),
            -- The documents' very bytes, compressed by zlib: the digests above are over them.
            problem_zlib bytea NOT NULL,
            plan_zlib bytea NOT NULL,
            facts jsonb NOT NULL
        )
        """
    )


def downgrade() -> None:
    op.execute("DROP TABLE plan")
