"""Guiyi (归一): fold a bank's scattered online channels into one super app, and run it."""
