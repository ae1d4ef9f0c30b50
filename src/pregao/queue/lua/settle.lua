#!lua flags=allow-oom
-- running → completed | retry | failed | cancelled. End attempts, in one call for many jobs.
-- The state and the fact for PostgreSQL are written together: both survive or neither does.
-- Safe to repeat: the same token and outcome answers DUP. An old token answers STALE and writes nothing.
-- After a cancel request a completed attempt still wins; any other end is cancelled.
-- A killed attempt (its process died) spends no retry: it runs again after the delay, and the `limit`th loss is the last: poison.
-- ARGV[3] losses that fail a job,
-- ARGV[4…] per attempt: id, token, outcome (completed | failed | killed), retryable (1 | 0), delay in ms before the retry,
--   body of the document, error as JSON, report as JSON, packed result or '',
--   class of a failure that counts for the scraper's breaker, or ''
-- Reply: flat list of code (OK | DUP | STALE), state
local FIELDS, poison_limit = 10, tonumber(ARGV[3])
if (#ARGV - 3) % FIELDS ~= 0 then return redis.error_reply('EARGS attempts take ' .. FIELDS .. ' fields each') end
for at = 4, #ARGV, FIELDS do
  local outcome = ARGV[at + 2]
  if outcome ~= 'completed' and outcome ~= 'failed' and outcome ~= 'killed' then
    return redis.error_reply('EOUTCOME ' .. outcome)
  end
  if not tonumber(ARGV[at + 4]) then return redis.error_reply('EDELAY ' .. ARGV[at + 4]) end
end

-- Where a failed attempt leads: whether it is tried again, and what that costs.
local function again(job, outcome, retryable)
  if outcome == 'killed' then
    job.lost = job.lost + 1
    set(job, 'lost', job.lost)
    return job.lost < poison_limit
  end
  if not retryable or job.retry_count >= job.max_retries then return false end
  job.retry_count = job.retry_count + 1
  set(job, 'retry_count', job.retry_count)
  return true
end

-- The last loss says that it is the last, in the document and in the attempt's report, before how the process ended.
local function poison(job, error_json, report)
  local story = '"killed ' .. text(job.lost) .. ' times: the job is poison; the last time: '
  if string.sub(error_json, 1, 1) == '"' then error_json = story .. string.sub(error_json, 2) end
  local told = string.match(report, '^{"error":"(.*)$')
  return error_json, told and '{"error":' .. story .. told or report
end

local function settle(job, at)
  local outcome, delay_ms, result = ARGV[at + 2], tonumber(ARGV[at + 4]), ARGV[at + 8]
  local error_json, report = ARGV[at + 6], ARGV[at + 7]
  local recorded = outcome == 'completed' and 'completed' or 'failed'
  leave_running(job, outcome)
  if outcome == 'completed' then
    finish(job, 'completed')
  elseif job.cancel then
    recorded = 'cancelled'
    finish(job, 'cancelled')
  elseif again(job, outcome, ARGV[at + 3] == '1') then
    make_delayed(job, now_ms + delay_ms)
  else
    finish(job, 'failed')
    if outcome == 'killed' then error_json, report = poison(job, error_json, report) end
  end
  note_end(job.scraper, outcome == 'completed', ARGV[at + 9], ARGV[at + 6])
  local more = ended_attempt(job, recorded, report)
  local whole = document(job, ARGV[at + 5], error_json)
  if job.state == 'retry' then
    redis.call('SET', data_key(job.id), whole)
    fact(job, more)
    event('job_retry', job, label_in(ARGV[at + 5]))
  else
    if result ~= '' then more[5] = 'result'; more[6] = result end
    redis.call('SET', data_key(job.id), whole, 'EX', RETENTION_SECONDS)
    fact(job, more)
    redis.call('EXPIRE', meta_key(job.id), RETENTION_SECONDS)
  end
end

local replies = {}
for at = 4, #ARGV, FIELDS do
  local token, outcome = ARGV[at + 1], ARGV[at + 2]
  local job = load(ARGV[at])
  local code = 'STALE'
  if job and job.state == 'running' and job.token == token then
    settle(job, at)
    code = 'OK'
  elseif job and job.last == token .. ' ' .. outcome then
    code = 'DUP'
  end
  replies[#replies + 1] = code
  replies[#replies + 1] = job and job.state or ''
end
write_failures()
finish_call()
return replies
