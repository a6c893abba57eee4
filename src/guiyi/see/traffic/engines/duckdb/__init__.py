"""DuckDB in the process."""
