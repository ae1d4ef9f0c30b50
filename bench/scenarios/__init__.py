"""One scenario a file: what is measured, for whom, and the goals. `measure(session)` gives the outcome."""
