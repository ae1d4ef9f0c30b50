"""Code that fetches: the scraper interface, the registry, HTTP, and the scrapers that come with Pregão."""
