-- What an attempt printed, and what its processes took; nothing of attempts in the worker's own process.
ALTER TABLE job_attempts
    ADD COLUMN logs           text,
    ADD COLUMN peak_memory_mb double precision,
    ADD COLUMN cpu_seconds    double precision,
    ADD COLUMN exit_signal    text,
    ADD CONSTRAINT job_attempts_take_what_can_be_measured
        CHECK (least(peak_memory_mb, cpu_seconds) >= 0 AND greatest(peak_memory_mb, cpu_seconds) < 'Infinity');
