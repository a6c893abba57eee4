"""The audit record: append-only, each row chained to the one before."""

from alembic import op

revision = "0001_audit"
down_revision = "0000_jobs"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute(
        """
        CREATE TABLE audit_record (
            position bigint PRIMARY KEY CHECK (position >= 1),
            occurred_at timestamptz NOT NULL,
            actor text NOT NULL CHECK (actor <> ''),
            action text NOT NULL CHECK (action <> ''),
            subject text NOT NULL,
            -- json, not jsonb: the digest is over this very text
            details json NOT NULL,
            previous_digest bytea NOT NULL CHECK (length(previous_digest) = 32),
            digest bytea NOT NULL UNIQUE CHECK (length(digest) = 32)
        )
        """
    )
    op.execute("CREATE INDEX audit_record_subject ON audit_record (subject, position)")
    # Where the chain ends, so that rows cut off its end are missed. One row.
    op.execute(
        """
        CREATE TABLE audit_head (
            one boolean PRIMARY KEY DEFAULT true CHECK (one),
            position bigint NOT NULL,
            digest bytea NOT NULL
        )
        """
    )
    op.execute(
        """
        CREATE FUNCTION audit_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            RAISE EXCEPTION '% is append-only', TG_TABLE_NAME USING ERRCODE = 'insufficient_privilege';
        END
        $$
        """
    )
    op.execute(
        """
        CREATE TRIGGER audit_record_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_record
        FOR EACH STATEMENT EXECUTE FUNCTION audit_refuse()
        """
    )
    op.execute(
        """
        CREATE TRIGGER audit_head_stays BEFORE DELETE OR TRUNCATE ON audit_head
        FOR EACH STATEMENT EXECUTE FUNCTION audit_refuse()
        """
    )
    op.execute("REVOKE UPDATE, DELETE, TRUNCATE ON audit_record FROM PUBLIC, CURRENT_USER")
    op.execute("REVOKE DELETE, TRUNCATE ON audit_head FROM PUBLIC, CURRENT_USER")


def downgrade() -> None:
    raise NotImplementedError("restore a backup instead: guiyi restore")
