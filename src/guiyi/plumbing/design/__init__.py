"""The hand: tokens and the mark, shared by every page and report."""
