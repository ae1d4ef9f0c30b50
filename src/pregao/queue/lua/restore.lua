#!lua flags=allow-oom
-- (new) → pending | retry, from PostgreSQL, after Redis was lost. Works without a generation marker, which is set last.
-- Safe to repeat: a job that Redis knows is left alone. No fact: PostgreSQL knows it already.
-- ARGV[3…] per job: id, priority, scraper, label, max_retries, unique, body, error as JSON, attempt, retry_count, lost,
--   version, due in ms ('' = pending)
-- Reply: how many were restored
local FIELDS = 13
if (#ARGV - 2) % FIELDS ~= 0 then return redis.error_reply('EARGS jobs take ' .. FIELDS .. ' fields each') end
local restored = 0
for at = 3, #ARGV, FIELDS do
  local job = {id = ARGV[at], priority = ARGV[at + 1], scraper = ARGV[at + 2], state = 'pending',
    unique = ARGV[at + 5], attempt = tonumber(ARGV[at + 8]), retry_count = tonumber(ARGV[at + 9]),
    lost = tonumber(ARGV[at + 10]), changes = {}}
  if redis.call('EXISTS', meta_key(job.id)) == 0 then
    set(job, 'priority', job.priority)
    set(job, 'scraper', job.scraper)
    set(job, 'retries', ARGV[at + 4])
    set(job, 'attempt', job.attempt)
    set(job, 'retry_count', job.retry_count)
    set(job, 'lost', job.lost)
    set(job, 'version', ARGV[at + 11])
    if job.unique ~= '' then
      set(job, 'unique', job.unique)
      if not holder_of(job.unique) then redis.call('SET', unique_key(job.unique), job.id) end
    end
    if ARGV[at + 12] ~= '' then make_delayed(job, tonumber(ARGV[at + 12])) else make_ready(job, false) end
    save(job)
    redis.call('SET', data_key(job.id), document(job, ARGV[at + 6], ARGV[at + 7]))
    restored = restored + 1
  end
end
return restored
