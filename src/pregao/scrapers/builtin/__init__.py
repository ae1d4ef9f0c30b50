"""One module for each source that comes with Pregão; the registry finds the scrapers in them by itself."""
