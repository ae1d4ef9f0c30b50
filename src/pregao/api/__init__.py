"""The REST API: the job router and the application around it."""
