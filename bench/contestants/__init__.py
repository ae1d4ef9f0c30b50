"""One adapter for each job queue that is measured. Each runs in an environment of its own; none imports another."""
