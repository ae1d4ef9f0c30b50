"""The pure heart: what a job, a schedule and a failure are. Nothing here does I/O."""
