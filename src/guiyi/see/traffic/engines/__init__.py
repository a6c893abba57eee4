"""Engines that count: one folder an engine, with one file of SQL each."""
