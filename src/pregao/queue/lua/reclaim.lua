#!lua flags=allow-oom
-- running → pending (to the front) | failed (poison) | cancelled. Return jobs whose lease expired, or whose worker died.
-- A lost lease spends no retry; losing it `limit` times fails the job: something about it kills its workers.
-- ARGV[3] how many at most, ARGV[4] lost leases that fail a job,
-- ARGV[5] a worker known to be dead, whose leases count as expired, or ''
-- Reply: flat list of id, state
local at_most, poison_limit, dead_worker = tonumber(ARGV[3]), tonumber(ARGV[4]), ARGV[5]

local function reclaim(job)
  local what = dead_worker == '' and ' stopped renewing it' or ' has ended'
  local story = 'the lease was lost: worker ' .. job.worker .. what
  job.lost = job.lost + 1
  set(job, 'lost', job.lost)
  leave_running(job, 'lost')
  if job.cancel then
    finish(job, 'cancelled')
  elseif job.lost >= poison_limit then
    story = 'poison: the lease was lost ' .. text(job.lost) .. ' times, last by worker ' .. job.worker
    finish(job, 'failed')
  else
    make_ready(job, true)
  end
  write_head(job)
  if job.state == 'failed' then write_error(job, '"' .. story .. '"') end
  fact(job, ended_attempt(job, job.state == 'cancelled' and 'cancelled' or 'lost',
    '{"error":"' .. story .. '","error_class":"killed"}'))
  if job.state == 'pending' then event('job_retry', job) else start_retention(job) end
end

local expired
if dead_worker == '' then
  expired = redis.call('ZRANGE', RUNNING, '-inf', '(' .. text(now_ms), 'BYSCORE', 'LIMIT', 0, at_most)
else
  expired = {}
  for _, id in ipairs(redis.call('ZRANGE', RUNNING, 0, -1)) do
    if #expired < at_most and redis.call('HGET', meta_key(id), 'worker') == dead_worker then
      expired[#expired + 1] = id
    end
  end
  redis.call('HDEL', prefix .. 'workers', dead_worker)
end

local replies = {}
for _, id in ipairs(expired) do
  local job = load(id)
  if job and job.state == 'running' then
    reclaim(job)
    replies[#replies + 1] = id
    replies[#replies + 1] = job.state
  else
    redis.call('ZREM', RUNNING, id)
  end
end
finish_call()
return replies
