-- A new job: used by enqueue, fire and adopt, which put the returned id into its list.
-- Fields of one job in ARGV, from `at`: id, priority, scraper, label, max_retries, unique, body.
local FIELDS_PER_JOB = 7

local function check_jobs(from)
  if (#ARGV - from + 1) % FIELDS_PER_JOB ~= 0 then return 'EARGS jobs take ' .. FIELDS_PER_JOB .. ' fields each' end
  for at = from, #ARGV, FIELDS_PER_JOB do
    local priority = ARGV[at + 1]
    if priority ~= 'high' and priority ~= 'normal' and priority ~= 'low' then return 'EPRIORITY ' .. priority end
  end
end

-- The live holder of a unique key, or nil.
local function holder_of(unique)
  local holder = unique ~= '' and redis.call('GET', unique_key(unique))
  if not holder then return nil end
  local state = redis.call('HGET', meta_key(holder), 'state')
  return (state == 'pending' or state == 'running' or state == 'retry') and holder or nil
end

-- Answers the code and the id of the job that now stands for the request. Versions begin at the time: an id that is used
-- again after its 24 hours is a new story, above the old one.
local function create(at)
  local job = {id = ARGV[at], state = 'pending', priority = ARGV[at + 1], scraper = ARGV[at + 2],
    unique = ARGV[at + 5], attempt = 0, retry_count = 0, lost = 0, version = now_ms, changes = {}}
  local body = ARGV[at + 6]
  if redis.call('EXISTS', meta_key(job.id)) == 1 then return 'EXISTS', job.id end
  local holder = holder_of(job.unique)
  if holder then return 'DUPLICATE', holder end
  set(job, 'state', 'pending')
  set(job, 'priority', job.priority)
  set(job, 'scraper', job.scraper)
  set(job, 'retries', ARGV[at + 4])
  if job.unique ~= '' then
    redis.call('SET', unique_key(job.unique), job.id)
    set(job, 'unique', job.unique)
  end
  -- Not by MSET, which keeps what the script's arguments had too much room for: 40 bytes a job.
  redis.call('SET', data_key(job.id), document(job, body, 'null'))
  redis.call('SET', status_key(job.id), 'pending')
  fact(job, {'spec', '{"priority":"' .. job.priority .. '",' .. body .. '}'})
  event('job_created', job, ARGV[at + 3])
  return 'CREATED', job.id, job.priority
end

-- Create every job in ARGV from `from`; answers a flat list of code, id.
local function create_all(from)
  local replies, ids = {}, {high = {}, normal = {}, low = {}}
  for at = from, #ARGV, FIELDS_PER_JOB do
    local code, id, priority = create(at)
    replies[#replies + 1] = code
    replies[#replies + 1] = id
    if priority then table.insert(ids[priority], id) end
  end
  for _, priority in ipairs(PRIORITIES) do
    if #ids[priority] > 0 then
      redis.call('LPUSH', ready_key(priority), unpack(ids[priority]))
      wake()
    end
  end
  return replies
end
