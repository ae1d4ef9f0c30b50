"""Workers: claim jobs, run scrapers, keep leases, settle."""
