INSERT INTO queue_generation (generation, opened_at, server_run)
VALUES ($1, $2, $3)
ON CONFLICT (singleton) DO UPDATE
SET generation = excluded.generation,
    opened_at  = excluded.opened_at,
    server_run = excluded.server_run
