"""Proof of speed: Pregão beside its peers, in one run and on one server. `make bench` prints the table."""
