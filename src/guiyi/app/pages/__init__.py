"""Server-rendered pages in both languages and both themes."""
