#!lua flags=allow-oom
-- pending → running (retry → running when taken by id). Attempt + 1, a new token, a lease.
-- One call fills all free slots: high before normal before low, oldest first. Safe to repeat: the same sequence number
-- of the same worker answers what it answered before, as far as those attempts still run.
-- `want` 0 takes nothing and only repeats such an answer.
-- A token is the generation and a number above every earlier one, so that no zombie's can be equal to it.
-- ARGV[3] worker, ARGV[4] lease in ms, ARGV[5] how many, ARGV[6] sequence number,
-- ARGV[7] outbox bytes above which nothing is claimed, ARGV[8] the id to take, or '' for the next ones
-- Reply: code (OK | BEHIND | UNKNOWN | REFUSED), then per job: id, token, attempt, retry_count, document
local worker, lease_ms, want, sequence = ARGV[3], tonumber(ARGV[4]), tonumber(ARGV[5]), ARGV[6]
local MOVED_AT_MOST = 2000
local FENCE, CLAIMS = prefix .. 'fence', prefix .. 'wclaim:' .. worker
local reply = {'OK'}

local function answer(job)
  for _, value in ipairs({job.id, job.token, text(job.attempt), text(job.retry_count)}) do reply[#reply + 1] = value end
  reply[#reply + 1] = redis.call('GET', data_key(job.id)) or ''
end

local last = redis.call('HMGET', CLAIMS, 'sequence', 'wanted', 'ids')
if last[1] == sequence and last[2] == ARGV[8] then
  for id in string.gmatch(last[3], '[^,]+') do
    local job = load(id)
    if job and job.state == 'running' and job.worker == worker then answer(job) end
  end
  return reply
end
if tonumber(redis.call('GET', OUTBOX_BYTES) or '0') > tonumber(ARGV[7]) then return {'BEHIND'} end

local fence = math.max(tonumber(redis.call('GET', FENCE) or '0'), now_us)
local ids = {}

local function start(job)
  if redis.call('TYPE', data_key(job.id)).ok ~= 'string' then redis.call('DEL', data_key(job.id)) end
  fence = fence + 1
  job.state, job.token, job.worker = 'running', generation .. '-' .. text(fence), worker
  job.attempt, job.started = job.attempt + 1, now_ms
  redis.call('HSET', meta_key(job.id), 'state', 'running', 'token', job.token, 'worker', worker,
    'attempt', text(job.attempt), 'started', text(now_ms))
  redis.call('SET', status_key(job.id), 'running')
  write_head(job)
  redis.call('HINCRBY', INUSE, job.scraper, 1)
  redis.call('ZADD', RUNNING, text(now_ms + lease_ms), job.id)
  ids[#ids + 1] = job.id
  event('job_started', job)
  answer(job)
end

-- An id that another producer pushed without our scripts has no meta: it is set aside, visible, not lost.
local function set_aside(id)
  redis.call('LPUSH', prefix .. 'orphans', id)
  redis.call('LTRIM', prefix .. 'orphans', 0, 9999)
end

if want == 0 then return reply end
if ARGV[8] ~= '' then
  local job = load(ARGV[8])
  if not job then return {'UNKNOWN'} end
  if job.state == 'pending' then
    redis.call('LREM', ready_key(job.priority), -1, job.id)
  elseif job.state == 'retry' then
    redis.call('ZREM', DELAYED, job.id)
    redis.call('HDEL', meta_key(job.id), 'due')
  else
    return {'REFUSED'}
  end
  start(job)
else
  local moved = 0
  for _, priority in ipairs(PRIORITIES) do
    while #ids < want and moved < MOVED_AT_MOST do
      local popped = redis.call('RPOP', ready_key(priority), want - #ids)
      if not popped then break end
      moved = moved + #popped
      for _, id in ipairs(popped) do
        local job = load(id)
        if not job then set_aside(id) elseif job.state == 'pending' then start(job) end
      end
    end
  end
end

if #ids > 0 then
  redis.call('SET', FENCE, text(fence))
  redis.call('HSET', CLAIMS, 'sequence', sequence, 'wanted', ARGV[8], 'ids', table.concat(ids, ','))
  redis.call('PEXPIRE', CLAIMS, math.max(lease_ms, 60000))
end
for _, priority in ipairs(PRIORITIES) do
  if redis.call('LLEN', ready_key(priority)) > 0 then wake() break end
end
return reply
