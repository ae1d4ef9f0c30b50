#!lua flags=allow-oom
-- No transition: keep the queue honest. Runs before reclaim, about once a second from every worker.
-- A jump of the server's clock (or a time during which nobody ticked, such as a restart of the server) of more than
-- `jump` ms moves every lease by the same amount, since nobody could renew meanwhile. Pauses that are over go, ids that
-- nobody adopted go back to the front, and a lost wake token is put back.
-- ARGV[3] jump in ms that counts, ARGV[4] silence in ms after which a worker's entry is dropped
-- Reply: the jump that was corrected in ms, retries due, leases expired,
--   ms until the next retry is due, the next lease or the next pause ends (-1 = none of them)
local CLOCK, WORKERS, FOREIGN = prefix .. 'clock', prefix .. 'workers', prefix .. 'foreign'
local last = tonumber(redis.call('GET', CLOCK) or text(now_ms))
local jump = now_ms - last
local corrected = 0
if math.abs(jump) > tonumber(ARGV[3]) then
  corrected = jump
  for _, id in ipairs(redis.call('ZRANGE', RUNNING, 0, -1)) do redis.call('ZINCRBY', RUNNING, text(jump), id) end
end
redis.call('SET', CLOCK, text(now_ms))

local workers = redis.call('HGETALL', WORKERS)
for at = 1, #workers, 2 do
  local heartbeat = tonumber(string.match(workers[at + 1], '^%d+'))
  if heartbeat and now_ms - heartbeat > tonumber(ARGV[4]) then redis.call('HDEL', WORKERS, workers[at]) end
end

for _, member in ipairs(redis.call('ZRANGE', FOREIGN, '-inf', text(now_ms), 'BYSCORE', 'LIMIT', 0, 100)) do
  local priority, id = string.match(member, '^(%a+):(.*)$')
  redis.call('ZREM', FOREIGN, member)
  redis.call('RPUSH', ready_key(priority), id)
end

local next_ms = end_pauses()
if work_waits() then wake() end
local due = redis.call('ZCOUNT', DELAYED, '-inf', text(now_ms))
local expired = redis.call('ZCOUNT', RUNNING, '-inf', '(' .. text(now_ms))
for _, set in ipairs({DELAYED, RUNNING}) do
  local score = redis.call('ZRANGE', set, 0, 0, 'WITHSCORES')[2]
  local wait = score and math.max(0, score - now_ms)
  if wait and (next_ms < 0 or wait < next_ms) then next_ms = wait end
end
finish_call()
return {text(corrected), due, expired, text(next_ms)}
