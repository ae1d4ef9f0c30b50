"""Schedules: read from YAML, turned into fire times, and each occurrence fired once whoever else runs."""
