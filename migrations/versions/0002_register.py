"""The register's versions: each row with the versions in which it holds."""

from alembic import op

revision = "0002_register"
down_revision = "0001_audit"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute(
        """
        CREATE TABLE register_version (
            version integer PRIMARY KEY CHECK (version >= 1),
            at timestamptz NOT NULL,
            actor text NOT NULL CHECK (actor <> ''),
            source text NOT NULL CHECK (source <> ''),
            digest text NOT NULL CHECK (digest ~ '^[0-9a-f]{64}$'),
            example boolean NOT NULL,
            counts jsonb NOT NULL
        )
        """
    )
    op.execute(
        """
        CREATE TABLE register_row (
            sheet text NOT NULL,
            row_key text NOT NULL,
            valid_from_version integer NOT NULL REFERENCES register_version,
            -- The first version in which the row does not hold any more.
            valid_to_version integer REFERENCES register_version CHECK (valid_to_version > valid_from_version),
            body jsonb NOT NULL,
            PRIMARY KEY (sheet, row_key, valid_from_version)
        )
        """
    )
    op.execute(
        "CREATE UNIQUE INDEX register_row_current ON register_row (sheet, row_key) WHERE valid_to_version IS NULL"
    )


def downgrade() -> None:
    raise NotImplementedError("restore a backup instead: guiyi restore")
