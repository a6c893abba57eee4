"""A filled database of the first release goes through every later revision."""

from collections.abc import Callable

from alembic.script import ScriptDirectory
from sqlalchemy import text

from guiyi.kit.clock import Clock
from guiyi.plumbing.audit.api import record, verify_chain
from guiyi.plumbing.config.api import Settings
from guiyi.plumbing.db.api import known_head, open_database
from guiyi.plumbing.db.migrations import migrate, migrations_folder

FIRST_RELEASE = "0001_audit"
ROWS = 20


def test_audit_chain_is_whole_after_each_step_when_a_filled_database_is_upgraded(
    new_database: Callable[[str], Settings], worker_name: str, clock: Clock
) -> None:
    settings = new_database(f"upgrade_{worker_name}")
    revisions = [script.revision for script in ScriptDirectory(str(migrations_folder())).walk_revisions()][::-1]
    later = revisions[revisions.index(FIRST_RELEASE) + 1 :]
    with open_database(settings, migrate=False) as database:
        with database.engine.begin() as connection:
            connection.execute(text("DROP SCHEMA public CASCADE"))
            connection.execute(text("CREATE SCHEMA public"))
        migrate(database.engine, FIRST_RELEASE)
        for number in range(ROWS):
            database.run(
                lambda session, number=number: record(
                    session,
                    clock=clock,
                    actor="wang",
                    action="test.note",
                    subject=f"公众号 {number}",
                    details={"n": number},
                )
            )
        head = database.run(verify_chain).head
        for revision in later:
            assert migrate(database.engine, revision)
            check = database.run(verify_chain)
            assert (check.is_whole, check.rows, check.head) == (True, ROWS, head)
        assert not migrate(database.engine)
        current = database.run(lambda session: session.execute(text("SELECT * FROM alembic_version")).scalar_one())
        assert current == known_head()
