-- Changes of one scraper wait for each other, so that each knows what was there before; readers wait for nobody.
SELECT pg_advisory_xact_lock($1, hashtext($2))
