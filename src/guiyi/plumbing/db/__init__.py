"""PostgreSQL 18: embedded or given, migrated, with one commit at the edge."""
