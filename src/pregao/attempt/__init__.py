"""What an attempt comes to: its outcomes, and how a scraper's result or exception is judged."""
