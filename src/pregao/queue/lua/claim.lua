#!lua flags=allow-oom
-- pending → running (retry → running when taken by id). Attempt + 1, a new token, a lease.
-- One call fills all free slots: high before normal before low, oldest first; in each queue what was parked goes first,
-- as far as its scraper may run now. What may not is parked, at most MOVED_AT_MOST ids a call: nothing waits behind it.
-- Safe to repeat: the same sequence number of the same worker answers what it answered before, as far as those attempts
-- still run. `want` 0 takes nothing, only repeats such an answer, and uses the number up: the claim that it asks about
-- cannot be made any more, until the next number is used: only the last one is kept.
-- A token is the generation and a number above every earlier one, so that no zombie's can be equal to it.
-- An id that another producer pushed has no meta: with a document it is handed over to be adopted (empty token), and put
-- back by `tick` if nobody does; without one it is set aside, visible, not lost.
-- A job takes as many slots as it weighs; one that weighs more than all of them is taken when they are all free.
-- ARGV[3] worker, ARGV[4] lease in ms, ARGV[5] free slots, ARGV[6] sequence number,
-- ARGV[7] outbox bytes above which nothing is claimed, ARGV[8] the id to take, or '' for the next ones,
-- ARGV[9] rationed scrapers, with commas, ARGV[11] how many of their jobs this worker can take now: the others are parked
-- for other workers, which are woken for them, ARGV[10] all slots of the worker
-- Reply: code (OK | FULL: the next job weighs more than the free slots | BEHIND | UNKNOWN | REFUSED); after OK and FULL the server's time in ms, then per job: id, token, attempt, retry_count, weight,
--   document; for one to be adopted: id, '', the queue it was in, '', '', document
local worker, lease_ms, want, sequence = ARGV[3], tonumber(ARGV[4]), tonumber(ARGV[5]), ARGV[6]
local slots, ration = tonumber(ARGV[10]), tonumber(ARGV[11])
local MOVED_AT_MOST, ADOPT_WITHIN_MS = 1000, 30000
local FENCE, CLAIMS, FAIR = prefix .. 'fence', prefix .. 'wclaim:' .. worker, prefix .. 'fair'
-- Only workers with a ration left block on it: one without would wake itself, and find nothing.
local WAKE_OTHERS = prefix .. 'wake_others'
local reply = {'OK', now_ms}

local function answer(id, token, attempt, retry_count, weight, whole)
  local n = #reply
  reply[n + 1], reply[n + 2], reply[n + 3], reply[n + 4], reply[n + 5] = id, token, attempt, retry_count, weight
  reply[n + 6] = whole or redis.call('GET', data_key(id)) or ''
end

local this_claim = sequence .. ':' .. ARGV[8] .. ':'
local stored = redis.call('MGET', CLAIMS, OUTBOX_BYTES, FENCE)
if stored[1] and string.sub(stored[1], 1, #this_claim) == this_claim then
  for id in string.gmatch(string.sub(stored[1], #this_claim + 1), '[^,]+') do
    local job = load(id)
    if job and job.state == 'running' and job.worker == worker then
      room(job.scraper)
      answer(id, job.token, job.attempt, job.retry_count, weights[job.scraper])
    end
  end
  wake() -- the first of the two may have come late, behind a wait that nobody hears, and taken the token with it
  return reply
end
if want > 0 and tonumber(stored[2] or '0') > tonumber(ARGV[7]) then return {'BEHIND'} end

local fence = math.max(tonumber(stored[3] or '0'), now_us)
local ids, leases, lease_end, moved, used, full = {}, {}, text(now_ms + lease_ms), 0, 0, false
local statuses = {}
-- Looked up when a scraper is first met: the list may be long, and most calls meet one.
local listed = ',' .. ARGV[9] .. ','
local rationed = setmetatable({}, {__index = function(known, scraper)
  known[scraper] = string.find(listed, ',' .. scraper .. ',', 1, true) ~= nil
  return known[scraper]
end})
if ration <= 0 and ARGV[9] ~= '' then excluded = rationed end

local function use_ration()
  ration = ration - 1
  if ration > 0 then return end
  excluded = rationed
  for scraper in pairs(rooms) do
    if rationed[scraper] then rooms[scraper] = 0 end
  end
end

local function start(job)
  fence = fence + 1
  job.state, job.token, job.worker = 'running', generation .. '-' .. text(fence), worker
  job.attempt, job.started = job.attempt + 1, now_ms
  room(job.scraper)
  local hosts = note_start(job.scraper)
  write_head(job)
  if hosts == '' then
    redis.call('HSET', meta_key(job.id), 'state', 'running', 'token', job.token, 'worker', worker, 'attempt', job.attempt,
      'started', now_text)
  else
    redis.call('HSET', meta_key(job.id), 'state', 'running', 'token', job.token, 'worker', worker, 'attempt', job.attempt,
      'started', now_text, 'hosts', hosts)
  end
  statuses[#statuses + 1] = status_key(job.id)
  statuses[#statuses + 1] = 'running'
  local whole = redis.call('GET', data_key(job.id))
  event('job_started', job, label_in(whole))
  answer(job.id, job.token, job.attempt, job.retry_count, weights[job.scraper], whole)
  used = used + weights[job.scraper]
  local n = #ids
  ids[n + 1], leases[2 * n + 1], leases[2 * n + 2] = job.id, lease_end, job.id
end

local function hand_over(id, priority)
  if redis.call('TYPE', data_key(id)).ok == 'string' then
    redis.call('ZADD', prefix .. 'foreign', now_ms + ADOPT_WITHIN_MS, priority .. ':' .. id)
    answer(id, '', priority, '', '')
  else
    redis.call('LPUSH', prefix .. 'orphans', id)
    redis.call('LTRIM', prefix .. 'orphans', 0, 9999)
  end
end

-- Start it or park it; answers whether it goes back to where it came from, since its weight does not fit any more.
local function consider(id, priority)
  moved = moved + 1
  local job = load(id)
  if not job then
    hand_over(id, priority)
  elseif job.state == 'pending' then
    if room(job.scraper) <= 0 then
      park(job)
    elseif used + weights[job.scraper] <= want or (used == 0 and want >= slots) then
      start(job)
      if rationed[job.scraper] then use_ration() end
    else
      full = true
    end
  end
  return full
end

-- One job of each parked scraper in turn, as far as it may run: nobody's backlog stands before another's. Who is first
-- changes with every token.
local function take_parked(priority, limit)
  local scrapers, popped = parked_scrapers(), true
  local first = fence % math.max(1, #scrapers)
  while popped and used < limit and not full and moved < MOVED_AT_MOST do
    popped = false
    for turn = 1, #scrapers do
      local scraper = scrapers[(first + turn - 1) % #scrapers + 1]
      local list = parked_key(scraper, priority)
      local id = used < limit and not full and room(scraper) > 0 and redis.call('RPOP', list)
      if id then
        popped = true
        if consider(id, priority) then redis.call('RPUSH', list, id) end
      end
    end
  end
  for _, scraper in ipairs(scrapers) do
    if redis.call('EXISTS', parked_key(scraper, 'high'), parked_key(scraper, 'normal'), parked_key(scraper, 'low')) == 0 then
      redis.call('SREM', PARKED, scraper)
      parked = nil
    end
  end
end

-- Jobs for up to `count` slots, from the queues in this order; answers how many slots they take.
local function take(count, order)
  local before = used
  local limit = before + count
  for _, priority in ipairs(order) do
    if used < limit and not full and not priority_is_paused(priority) then
      take_parked(priority, limit)
      local list = ready_key(priority)
      while used < limit and not full and moved < MOVED_AT_MOST do
        local popped = redis.call('RPOP', list, math.min(limit - used, MOVED_AT_MOST - moved))
        if not popped then break end
        local rest = {}
        for _, id in ipairs(popped) do
          if full or used >= limit or consider(id, priority) then rest[#rest + 1] = id end
        end
        for at = #rest, 1, -1 do redis.call('RPUSH', list, rest[at]) end
      end
    end
  end
  return used - before
end

-- Of every `fair` slots one is filled with the lower queues first, which take turns at being the first of them.
local function take_fairly(fair)
  local state = redis.call('GET', FAIR) or '0 0'
  local since, turn = string.match(state, '^(%d+) (%d+)$')
  since, turn = tonumber(since), tonumber(turn)
  local found = 1
  while used < want and found > 0 do
    if since < fair - 1 then
      found = take(math.min(want - used, fair - 1 - since), PRIORITIES)
      since = since + found
    else
      found = take(1, turn % 2 == 0 and {'normal', 'low', 'high'} or {'low', 'normal', 'high'})
      if found > 0 then since, turn = 0, turn + 1 end
    end
  end
  redis.call('SET', FAIR, text(since) .. ' ' .. text(turn % 2))
end

local function remember()
  redis.call('SET', CLAIMS, this_claim .. table.concat(ids, ','), 'PX', math.max(lease_ms, 60000))
end

if want == 0 then
  remember()
  return reply
end
if ARGV[8] ~= '' then
  local job = load(ARGV[8])
  if not job then return {'UNKNOWN'} end
  if job.state == 'pending' then
    leave_queue(job)
  elseif job.state == 'retry' then
    redis.call('ZREM', DELAYED, job.id)
  else
    return {'REFUSED'}
  end
  start(job)
else
  priority_is_paused('high')
  local fair = tonumber(controls['fair'] or '0')
  if fair > 1 then take_fairly(fair) else take(want, PRIORITIES) end
end

if #ids > 0 then
  redis.call('SET', FENCE, text(fence))
  redis.call('ZADD', RUNNING, unpack(leases))
  for at = 1, #statuses, 1000 do redis.call('MSET', unpack(statuses, at, math.min(at + 999, #statuses))) end
  count_started()
  remember()
end
if work_waits() then wake() end
if excluded == rationed then
  excluded, rooms = {}, {}
  if work_waits() and redis.call('LLEN', WAKE_OTHERS) == 0 then redis.call('LPUSH', WAKE_OTHERS, '1') end
end
if full and #ids == 0 then reply[1] = 'FULL' end
return reply
