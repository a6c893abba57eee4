"""Typed settings, read once from the environment."""
