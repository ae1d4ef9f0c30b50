INSERT INTO queue_generation (generation, opened_at)
VALUES ($1, $2)
ON CONFLICT (singleton) DO UPDATE
SET generation = excluded.generation,
    opened_at  = excluded.opened_at
