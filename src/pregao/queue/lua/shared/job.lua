-- A job's meta hash as a table, and the steps that several transitions share.
local function load(id)
  local v = redis.call('HMGET', meta_key(id), 'state', 'priority', 'scraper', 'label', 'attempt', 'retry_count',
    'max_retries', 'lost', 'token', 'worker', 'started', 'cancel', 'version', 'unique', 'error_at', 'last_token',
    'last_outcome')
  if not v[1] then return nil end
  return {id = id, state = v[1], priority = v[2], scraper = v[3], label = v[4], attempt = tonumber(v[5] or 0),
    retry_count = tonumber(v[6] or 0), max_retries = tonumber(v[7]), lost = tonumber(v[8] or 0), token = v[9] or '',
    worker = v[10] or '', started = v[11] and tonumber(v[11]) or nil, cancel = v[12] == '1', version = tonumber(v[13]),
    unique = v[14] or '', error_at = tonumber(v[15]), last_token = v[16] or '', last_outcome = v[17] or ''}
end

-- State of the job for PostgreSQL, in the same script as the change itself. `more` adds names and values.
local function fact(job, more)
  job.version = job.version + 1
  redis.call('HSET', meta_key(job.id), 'version', text(job.version))
  local entry = {'kind', 'job', 'id', job.id, 'generation', generation, 'version', text(job.version),
    'state', job.state, 'priority', job.priority, 'attempt', text(job.attempt),
    'retry_count', text(job.retry_count), 'lost', text(job.lost), 'at', text(now_ms)}
  if job.due then entry[#entry + 1] = 'due'; entry[#entry + 1] = text(job.due) end
  for _, value in ipairs(more) do entry[#entry + 1] = value end
  local bytes = 0
  for _, value in ipairs(entry) do bytes = bytes + #value end
  redis.call('XADD', OUTBOX, '*', unpack(entry))
  redis.call('INCRBY', OUTBOX_BYTES, bytes)
end

local function ended_attempt(token, worker, started, outcome, report)
  return {'token', token, 'worker', worker, 'started', text(started), 'outcome', outcome, 'report', report}
end

local function event(name, job)
  redis.call('PUBLISH', prefix .. 'events', '{"event":"' .. name .. '","job_id":"' .. job.id .. '",' .. job.label
    .. ',"status":"' .. job.state .. '","success":null,"timestamp":' .. iso(now_ms) .. ',"event_id":"'
    .. job.id .. ':' .. generation .. ':' .. text(job.version) .. ':' .. name .. '"}')
end

-- Take a job out of running: the lease, the in-use count and the token go; the last outcome stays for repeated calls.
local function leave_running(job, outcome)
  redis.call('ZREM', RUNNING, job.id)
  if redis.call('HINCRBY', INUSE, job.scraper, -1) <= 0 then redis.call('HDEL', INUSE, job.scraper) end
  redis.call('HSET', meta_key(job.id), 'last_token', job.token, 'last_outcome', outcome)
  redis.call('HDEL', meta_key(job.id), 'token', 'worker')
end

-- completed, failed or cancelled: the last state. The 24 hours of the public keys start now.
local function finish(job, state)
  job.state, job.ended, job.due = state, now_ms, nil
  redis.call('HSET', meta_key(job.id), 'state', state, 'ended', text(now_ms), 'retry_count', text(job.retry_count),
    'lost', text(job.lost))
  if job.unique ~= '' and redis.call('GET', unique_key(job.unique)) == job.id then
    redis.call('DEL', unique_key(job.unique))
  end
end

local function start_retention(job)
  redis.call('SET', status_key(job.id), job.state, 'EX', RETENTION_SECONDS)
  redis.call('EXPIRE', data_key(job.id), RETENTION_SECONDS)
  redis.call('EXPIRE', meta_key(job.id), RETENTION_SECONDS)
end

-- Back into its queue. `front` for a job that was claimed before: it must not wait twice.
local function make_ready(job, front)
  job.state, job.due = 'pending', nil
  redis.call('HSET', meta_key(job.id), 'state', 'pending', 'retry_count', text(job.retry_count), 'lost', text(job.lost))
  redis.call('HDEL', meta_key(job.id), 'due')
  redis.call('SET', status_key(job.id), 'pending')
  redis.call(front and 'RPUSH' or 'LPUSH', ready_key(job.priority), job.id)
  wake()
end

local function make_delayed(job, due_ms)
  job.state, job.due = 'retry', due_ms
  redis.call('HSET', meta_key(job.id), 'state', 'retry', 'due', text(due_ms), 'retry_count', text(job.retry_count),
    'lost', text(job.lost))
  redis.call('SET', status_key(job.id), 'retry')
  redis.call('ZADD', DELAYED, text(due_ms), job.id)
end
