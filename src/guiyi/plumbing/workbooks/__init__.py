"""Writing XLSX workbooks."""
