"""Valkey and PostgreSQL from wheels, supervised: private, one owner per data directory, never orphaned."""
