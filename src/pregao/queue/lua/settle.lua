#!lua flags=allow-oom
-- running → completed | retry | failed | cancelled. End attempts, in one call for many jobs.
-- The state and the fact for PostgreSQL are written together: both survive or neither does.
-- Safe to repeat: the same token and outcome answers DUP. An old token answers STALE and writes nothing.
-- After a cancel request a completed attempt still wins; any other end is cancelled.
-- ARGV[3…] per attempt: id, token, outcome (completed | failed), retryable (1 | 0), delay in ms before the retry,
--   body of the document, error as JSON, report as JSON, packed result or ''
-- Reply: flat list of code (OK | DUP | STALE), state
if (#ARGV - 2) % 9 ~= 0 then return redis.error_reply('EARGS attempts take 9 fields each') end
for at = 3, #ARGV, 9 do
  local outcome = ARGV[at + 2]
  if outcome ~= 'completed' and outcome ~= 'failed' then return redis.error_reply('EOUTCOME ' .. outcome) end
  if not tonumber(ARGV[at + 4]) then return redis.error_reply('EDELAY ' .. ARGV[at + 4]) end
end

local function settle(job, at)
  local outcome, retryable, delay_ms = ARGV[at + 2], ARGV[at + 3] == '1', tonumber(ARGV[at + 4])
  local body, error_json, report, result = ARGV[at + 5], ARGV[at + 6], ARGV[at + 7], ARGV[at + 8]
  local token, worker, started = job.token, job.worker, job.started
  leave_running(job, outcome)
  if outcome == 'completed' then
    finish(job, 'completed')
  elseif job.cancel then
    outcome = 'cancelled'
    finish(job, 'cancelled')
  elseif retryable and job.retry_count < job.max_retries then
    job.retry_count = job.retry_count + 1
    make_delayed(job, now_ms + delay_ms)
  else
    finish(job, 'failed')
  end
  write_document(job, body, error_json)
  redis.call('HSET', meta_key(job.id), 'error_at', text(job.error_at))
  local more = ended_attempt(token, worker, started, outcome, report)
  if job.state == 'retry' then
    fact(job, more)
    event('job_retry', job)
  else
    if result ~= '' then more[#more + 1] = 'result'; more[#more + 1] = result end
    fact(job, more)
    start_retention(job)
  end
end

local replies = {}
for at = 3, #ARGV, 9 do
  local token, outcome = ARGV[at + 1], ARGV[at + 2]
  local job = load(ARGV[at])
  local code = 'STALE'
  if job and job.state == 'running' and job.token == token then
    settle(job, at)
    code = 'OK'
  elseif job and job.last_token == token and job.last_outcome == outcome then
    code = 'DUP'
  end
  replies[#replies + 1] = code
  replies[#replies + 1] = job and job.state or ''
end
return replies
