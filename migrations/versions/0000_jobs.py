"""The tables of the job queue: procrastinate's own schema, without its NOTIFY at every insert."""

from pathlib import Path

from alembic import op

revision = "0000_jobs"
down_revision = None
branch_labels = None
depends_on = None

SCHEMA = Path(__file__).parent.parent / "procrastinate-3.10.0.sql"


def upgrade() -> None:
    driver = op.get_bind().connection.driver_connection
    if driver is None:
        raise AssertionError("migrations run on an open connection")
    # Without parameters psycopg sends the text as it is, so that it may hold many statements and percent signs.
    driver.cursor().execute(SCHEMA.read_text(encoding="utf-8"))
    # NOTIFY at every insert halves the rate of commits; plumbing/jobs wakes the worker itself and polls each second.
    op.execute("DROP TRIGGER procrastinate_jobs_notify_queue_job_inserted_v1 ON procrastinate_jobs")


def downgrade() -> None:
    raise NotImplementedError("restore a backup instead: guiyi restore")
