-- Head of every script: time, key names, the generation.
-- KEYS[1] the generation marker, which also routes the call to the slot of all keys
-- ARGV[1] prefix of every key
-- ARGV[2] the time in ms to use instead of the server's, or ''
local prefix = ARGV[1]
local RETENTION_SECONDS = '86400'
local PRIORITIES = {'high', 'normal', 'low'}
local now_us
if ARGV[2] ~= '' then
  now_us = tonumber(ARGV[2]) * 1000
else
  local time = redis.call('TIME')
  now_us = time[1] * 1000000 + time[2]
end
local now_ms = math.floor(now_us / 1000)
local generation = redis.call('GET', KEYS[1])

-- Only for numbers that are joined to text: redis.call writes the digits of a number by itself.
local function text(number) return string.format('%.0f', number) end
local now_text = text(now_ms)

local OUTBOX, OUTBOX_BYTES = prefix .. 'outbox', prefix .. 'outbox_bytes'
local RUNNING, DELAYED, INUSE = prefix .. 'running', prefix .. 'delayed', prefix .. 'inuse'
local WAKE, PARKED, EVENTS = prefix .. 'wake', prefix .. 'parked', prefix .. 'events'
local JOB = prefix .. 'job:'
local function ready_key(priority) return prefix .. 'jobs:' .. priority end
local function parked_key(scraper, priority) return prefix .. 'parked:' .. scraper .. ':' .. priority end
local function meta_key(id) return JOB .. id .. ':meta' end
local function data_key(id) return JOB .. id .. ':data' end
local function status_key(id) return JOB .. id .. ':status' end
local function unique_key(name) return prefix .. 'uniq:' .. name end

-- Idle workers block on this list; one token is enough, since a claim that leaves work behind puts it back.
local function wake()
  if redis.call('LLEN', WAKE) == 0 then redis.call('LPUSH', WAKE, '1') end
end
