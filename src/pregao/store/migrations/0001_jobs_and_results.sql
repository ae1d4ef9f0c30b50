-- What must outlive Redis. Every row is written by the recorder, from facts that carry (generation, version):
-- a row changes only when a fact is newer than what it holds.

CREATE TABLE jobs (
    job_id          uuid PRIMARY KEY,
    scraper_name    text NOT NULL,
    ticker          text,
    priority        text NOT NULL,
    status          text NOT NULL,
    max_retries     integer NOT NULL,
    timeout_seconds double precision,
    metadata        jsonb NOT NULL DEFAULT '{}',
    schedule_name   text,
    fire_time       timestamptz,
    unique_key      text,
    retried_from    uuid,
    created_at      timestamptz NOT NULL,
    generation      bigint NOT NULL,
    version         bigint NOT NULL,
    attempt         integer NOT NULL,
    retry_count     integer NOT NULL,
    lost_count      integer NOT NULL,
    due_at          timestamptz,
    started_at      timestamptz,
    completed_at    timestamptz,
    error           text,
    error_class     text,
    updated_at      timestamptz NOT NULL,
    CONSTRAINT jobs_name_a_scraper CHECK (scraper_name <> ''),
    CONSTRAINT jobs_priority_is_known CHECK (priority IN ('high', 'normal', 'low')),
    CONSTRAINT jobs_status_is_known
        CHECK (status IN ('pending', 'running', 'retry', 'completed', 'failed', 'cancelled')),
    CONSTRAINT jobs_count_from_zero
        CHECK (least(generation, version, attempt, retry_count, lost_count, max_retries) >= 0),
    CONSTRAINT jobs_timeout_is_positive CHECK (timeout_seconds > 0),
    CONSTRAINT jobs_metadata_is_an_object CHECK (jsonb_typeof(metadata) = 'object'),
    CONSTRAINT jobs_wait_for_a_retry_with_a_due_time CHECK ((status = 'retry') = (due_at IS NOT NULL)),
    CONSTRAINT jobs_end_with_a_time
        CHECK ((status IN ('completed', 'failed', 'cancelled')) = (completed_at IS NOT NULL)),
    CONSTRAINT jobs_fail_with_an_error CHECK (status <> 'failed' OR error IS NOT NULL),
    CONSTRAINT jobs_complete_without_error
        CHECK (status <> 'completed' OR (error IS NULL AND error_class IS NULL))
);

-- Names and tickers may be of any length (a whole prompt is a ticker), an index entry may not.
CREATE INDEX jobs_by_time ON jobs (created_at DESC, job_id DESC);
CREATE INDEX jobs_by_status ON jobs (status, created_at DESC, job_id DESC);
CREATE INDEX jobs_by_scraper ON jobs (left(scraper_name, 100), created_at DESC, job_id DESC);
CREATE INDEX jobs_by_ticker ON jobs (left(ticker, 100), created_at DESC, job_id DESC);
CREATE INDEX jobs_unfinished ON jobs (created_at, job_id) WHERE status IN ('pending', 'running', 'retry');

CREATE TABLE job_attempts (
    job_id        uuid NOT NULL REFERENCES jobs ON DELETE CASCADE,
    token         text NOT NULL,
    attempt       integer NOT NULL,
    worker        text NOT NULL,
    outcome       text NOT NULL,
    error         text,
    error_class   text,
    response_time numeric,
    source        text,
    metadata      jsonb NOT NULL DEFAULT '{}',
    started_at    timestamptz NOT NULL,
    ended_at      timestamptz NOT NULL,
    PRIMARY KEY (job_id, token),
    CONSTRAINT job_attempts_count_from_one CHECK (attempt >= 1),
    CONSTRAINT job_attempts_outcome_is_known
        CHECK (outcome IN ('completed', 'failed', 'lost', 'released', 'cancelled')),
    CONSTRAINT job_attempts_complete_without_error CHECK (outcome <> 'completed' OR error IS NULL),
    CONSTRAINT job_attempts_response_time_is_finite
        CHECK (response_time >= 0 AND response_time < 'Infinity'::float8::numeric),
    CONSTRAINT job_attempts_metadata_is_an_object CHECK (jsonb_typeof(metadata) = 'object')
);

CREATE INDEX job_attempts_by_time ON job_attempts (ended_at);

-- One row for each job that completed or failed; kept for good, also when the job's own row is pruned.
CREATE TABLE scraper_results (
    job_id        uuid PRIMARY KEY,
    scraper_name  text NOT NULL,
    ticker        text,
    success       boolean NOT NULL,
    data          jsonb,
    error         text,
    response_time numeric,
    metadata      jsonb NOT NULL DEFAULT '{}',
    executed_at   timestamptz NOT NULL,
    generation    bigint NOT NULL,
    version       bigint NOT NULL,
    attempt       integer NOT NULL,
    error_class   text,
    source        text,
    CONSTRAINT scraper_results_count_from_zero CHECK (least(generation, version, attempt) >= 0),
    CONSTRAINT scraper_results_fail_with_an_error CHECK (success = (error IS NULL)),
    CONSTRAINT scraper_results_response_time_is_finite
        CHECK (response_time >= 0 AND response_time < 'Infinity'::float8::numeric),
    CONSTRAINT scraper_results_metadata_is_an_object CHECK (jsonb_typeof(metadata) = 'object')
);

CREATE INDEX scraper_results_by_time ON scraper_results (executed_at DESC);

CREATE TABLE schedule_executions (
    schedule_name text NOT NULL,
    fire_time     timestamptz NOT NULL,
    scraper_name  text NOT NULL,
    tickers       jsonb NOT NULL,
    job_ids       jsonb NOT NULL,
    outcome       text NOT NULL,
    detail        text,
    executed_at   timestamptz NOT NULL,
    PRIMARY KEY (schedule_name, fire_time),
    CONSTRAINT schedule_executions_outcome_is_known
        CHECK (outcome IN ('fired', 'late', 'coalesced', 'skipped', 'missed')),
    CONSTRAINT schedule_executions_hold_lists
        CHECK (jsonb_typeof(tickers) = 'array' AND jsonb_typeof(job_ids) = 'array')
);

CREATE INDEX schedule_executions_by_time ON schedule_executions (executed_at DESC);

-- Schedules that were made or changed through the API; those of the YAML file are not copied here.
CREATE TABLE schedules (
    name       text PRIMARY KEY,
    definition jsonb NOT NULL,
    updated_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT schedules_are_objects CHECK (jsonb_typeof(definition) = 'object')
);

CREATE TABLE audit_log (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    happened_at timestamptz NOT NULL DEFAULT now(),
    actor       text NOT NULL,
    action      text NOT NULL,
    subject     text NOT NULL,
    detail      jsonb NOT NULL DEFAULT '{}'
);

CREATE INDEX audit_log_by_time ON audit_log (happened_at DESC);

-- Which life of Redis this database knows; a Redis whose marker differs was emptied, replaced or turned back.
CREATE TABLE queue_generation (
    singleton  boolean PRIMARY KEY DEFAULT true,
    generation bigint NOT NULL,
    opened_at  timestamptz NOT NULL,
    CONSTRAINT queue_generation_is_one_row CHECK (singleton),
    CONSTRAINT queue_generation_is_positive CHECK (generation > 0)
);
