-- Limits of scrapers that were changed while the system runs: they win over the file. `scraper` is the folded name.
CREATE TABLE scraper_overrides (
    scraper    text NOT NULL,
    name       text NOT NULL,
    key        text NOT NULL,
    value      jsonb NOT NULL,
    changed_by text NOT NULL,
    changed_at timestamptz NOT NULL,
    PRIMARY KEY (scraper, key)
);

-- What groups failures, and which of them hold nothing against the scraper ("no such ticker" is a normal answer).
ALTER TABLE job_attempts ADD COLUMN fingerprint text, ADD COLUMN ignored boolean NOT NULL DEFAULT false;
ALTER TABLE scraper_results ADD COLUMN ignored boolean NOT NULL DEFAULT false;
UPDATE job_attempts SET ignored = true WHERE error_class = 'not_found';
UPDATE scraper_results SET ignored = true WHERE error_class = 'not_found' AND NOT success;

CREATE INDEX job_attempts_by_fingerprint ON job_attempts (fingerprint, ended_at) WHERE fingerprint IS NOT NULL;

-- The last good value of a scraper and its argument; a result that failed a check is none.
CREATE INDEX scraper_results_last_good
    ON scraper_results (left(scraper_name, 100), left(coalesce(ticker, ''), 100), executed_at DESC)
    WHERE success AND NOT metadata ? 'suspect';
