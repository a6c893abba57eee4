"""Touches the world and knows no banking."""
