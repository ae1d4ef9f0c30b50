-- A job's meta hash as a table, and the steps that several transitions share. Changes of the hash are collected in the
-- table and written together by `save`; what concerns many jobs of one call is written once, by `finish_call`.
local left_running, freed, freed_hosts, outbox_bytes = {}, {}, {}, 0

local function load(id)
  local v = redis.pcall('HMGET', meta_key(id), 'state', 'priority', 'scraper', 'attempt', 'retry_count', 'retries',
    'lost', 'token', 'worker', 'started', 'cancel', 'version', 'unique', 'last', 'hosts')
  if v.err or not v[1] then return nil end
  return {id = id, state = v[1], priority = v[2], scraper = v[3], attempt = tonumber(v[4] or 0),
    retry_count = tonumber(v[5] or 0), max_retries = tonumber(v[6]), lost = tonumber(v[7] or 0), token = v[8] or '',
    worker = v[9] or '', started = v[10] and tonumber(v[10]) or nil, cancel = v[11] == '1', version = tonumber(v[12]),
    unique = v[13] or '', last = v[14] or '', hosts = v[15] or '', changes = {}}
end

local function set(job, field, value)
  local changes = job.changes
  local n = #changes
  changes[n + 1], changes[n + 2] = field, value
end

local function save(job) redis.call('HSET', meta_key(job.id), unpack(job.changes)) end

-- One entry of the outbox, in the same script as the change that it tells of; names and values count as its size.
local function add_fact(entry)
  for at = 1, #entry do outbox_bytes = outbox_bytes + #entry[at] end
  redis.call('XADD', OUTBOX, '*', unpack(entry))
end

-- Times in ms have 13 digits: Lua writes up to 14 of a number as they are.
-- State of the job for PostgreSQL; `more` adds names and values. The last change of every transition: saves the job.
local function fact(job, more)
  job.version = job.version + 1
  set(job, 'version', job.version)
  save(job)
  local entry = {'job', job.id .. ' ' .. generation .. ' ' .. job.version .. ' ' .. job.state .. ' ' .. job.priority .. ' '
    .. job.attempt .. ' ' .. job.retry_count .. ' ' .. job.lost .. ' ' .. now_text .. ' ' .. (job.due and text(job.due) or '-')}
  for _, value in ipairs(more) do entry[#entry + 1] = value end
  add_fact(entry)
end

local function ended_attempt(job, outcome, report)
  return {'attempt', job.token .. ' ' .. job.started .. ' ' .. outcome .. ' ' .. job.worker, 'report', report}
end

local function event(name, job, label)
  redis.call('PUBLISH', EVENTS, '{"event":"' .. name .. '","job_id":"' .. job.id .. '",'
    .. (label or label_in(redis.call('GET', data_key(job.id)) or '')) .. ',"status":"' .. job.state
    .. '","success":null,"timestamp":' .. iso(now_ms) .. ',"event_id":"' .. job.id .. ':' .. generation .. ':' .. job.version
    .. ':' .. name .. '"}')
end

-- Take a job out of running. Its token is worth nothing from here on; token and outcome stay for repeated calls.
local function leave_running(job, outcome)
  left_running[#left_running + 1] = job.id
  freed[job.scraper] = (freed[job.scraper] or 0) + 1
  if job.hosts ~= '' then
    for host in string.gmatch(job.hosts, '[^,]+') do freed_hosts[host] = (freed_hosts[host] or 0) + 1 end
    set(job, 'hosts', '')
  end
  set(job, 'last', job.token .. ' ' .. outcome)
end

-- completed, failed or cancelled: the last state. The 24 hours of the public keys start now.
local function finish(job, state)
  job.state, job.ended, job.due = state, now_ms, nil
  set(job, 'state', state)
  set(job, 'ended', now_text)
  if job.unique ~= '' and redis.call('GET', unique_key(job.unique)) == job.id then
    redis.call('DEL', unique_key(job.unique))
  end
  redis.call('SET', status_key(job.id), state, 'EX', RETENTION_SECONDS)
end

local function start_retention(job)
  redis.call('EXPIRE', data_key(job.id), RETENTION_SECONDS)
  redis.call('EXPIRE', meta_key(job.id), RETENTION_SECONDS)
end

-- Back into its queue. `front` for a job that was claimed before: it must not wait twice, nor behind its parked kin.
local function make_ready(job, front)
  job.state, job.due = 'pending', nil
  set(job, 'state', 'pending')
  redis.call('SET', status_key(job.id), 'pending')
  if front and redis.call('EXISTS', parked_key(job.scraper, job.priority)) == 1 then
    redis.call('RPUSH', parked_key(job.scraper, job.priority), job.id)
  else
    redis.call(front and 'RPUSH' or 'LPUSH', ready_key(job.priority), job.id)
  end
  wake()
end

local function make_delayed(job, due_ms)
  job.state, job.due = 'retry', due_ms
  set(job, 'state', 'retry')
  set(job, 'due', due_ms)
  redis.call('SET', status_key(job.id), 'retry')
  redis.call('ZADD', DELAYED, due_ms, job.id)
end

-- Out of wherever a pending job waits: its queue, or where its scraper's jobs are parked.
local function leave_queue(job)
  if redis.call('LREM', ready_key(job.priority), -1, job.id) > 0 then return end
  redis.call('LREM', parked_key(job.scraper, job.priority), -1, job.id)
  for _, priority in ipairs(PRIORITIES) do
    if redis.call('EXISTS', parked_key(job.scraper, priority)) == 1 then return end
  end
  redis.call('SREM', PARKED, job.scraper)
end

-- What all jobs of a call have in common, written once. A slot that came free may be what a parked job waits for.
local function finish_call()
  if outbox_bytes > 0 then redis.call('INCRBY', OUTBOX_BYTES, outbox_bytes) end
  if #left_running == 0 then return end
  for at = 1, #left_running, 1000 do
    redis.call('ZREM', RUNNING, unpack(left_running, at, math.min(at + 999, #left_running)))
  end
  for scraper, count in pairs(freed) do
    if redis.call('HINCRBY', INUSE, scraper, -count) <= 0 then redis.call('HDEL', INUSE, scraper) end
  end
  for host, count in pairs(freed_hosts) do
    if redis.call('HINCRBY', prefix .. 'inuse_host', host, -count) <= 0 then
      redis.call('HDEL', prefix .. 'inuse_host', host)
    end
  end
  if redis.call('EXISTS', PARKED) == 1 then wake() end
end
