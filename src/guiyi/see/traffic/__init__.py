"""Event logs become masks; masks answer every question about reach, overlap, trend and cells."""
