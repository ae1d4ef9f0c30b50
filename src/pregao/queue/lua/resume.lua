#!lua
-- (new) → pending, for a firing that `fire` or `run` began: its next jobs, and with the last of them the fact.
-- Safe to repeat, and for any number of callers at once: jobs are made only from where the firing stands.
-- ARGV[3] identity of the firing, ARGV[4] how many of its jobs come before these,
-- ARGV[5] the firing as JSON if these are the last ones, else '',
-- ARGV[6…] per job: id, priority, scraper, label, max_retries, unique, body
-- Reply: how many of its jobs are made now, -1 when it is complete
local problem = check_jobs(6)
if problem then return redis.error_reply(problem) end
local identity, before, firing = ARGV[3], tonumber(ARGV[4]), ARGV[5]
local made = tonumber(redis.call('HGET', MADE, identity) or '-1')
if made ~= before then return made end
create_all(6)
if firing ~= '' then
  record_firing(firing)
  redis.call('HDEL', STARTED, identity)
  redis.call('HDEL', MADE, identity)
  finish_call()
  return -1
end
finish_call()
made = made + (#ARGV - 5) / FIELDS_PER_JOB
redis.call('HSET', MADE, identity, text(made))
return made
