"""Durable jobs and schedules in PostgreSQL."""
