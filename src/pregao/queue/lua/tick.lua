#!lua flags=allow-oom
-- No transition: keep the queue honest. Runs before reclaim, about once a second from every worker.
-- Nobody can renew while the server is away: after a restart, or a failover to another one, every lease is moved by the
-- time since the last tick. So it is when its clock jumps, or nobody ticks, for more than `jump` ms. Pauses that are over
-- go, ids that nobody adopted go back to the front, and a lost wake token is put back.
-- ARGV[3] jump in ms that counts, ARGV[4] silence in ms after which a worker's entry is dropped,
--   ARGV[5] the place of whoever asks (see queue/process.py), or ''
-- Reply: the jump that was corrected in ms, retries due, leases expired,
--   ms until the next retry is due, the next lease ends or the next gate opens (-1 = none of them),
--   then per worker of that place: worker, pid/start
local CLOCK, WORKERS, FOREIGN = prefix .. 'clock', prefix .. 'workers', prefix .. 'foreign'
local info = redis.pcall('INFO', 'server')
local run = type(info) == 'string' and string.match(info, 'run_id:(%x+)') or ''
local last, last_run = string.match(redis.call('GET', CLOCK) or '', '^(%d+) (%x*)$')
local jump = now_ms - (last or now_ms)
local corrected = 0
if math.abs(jump) > tonumber(ARGV[3]) or (last_run and last_run ~= run) then
  corrected = jump
  for _, id in ipairs(redis.call('ZRANGE', RUNNING, 0, -1)) do redis.call('ZINCRBY', RUNNING, text(jump), id) end
end
redis.call('SET', CLOCK, text(now_ms) .. ' ' .. run)

local neighbours, place = {}, '"process":"' .. ARGV[5] .. '/'
local workers = redis.call('HGETALL', WORKERS)
for at = 1, #workers, 2 do
  local heartbeat = tonumber(string.match(workers[at + 1], '^%d+'))
  local _, found = string.find(workers[at + 1], place, 1, true)
  if heartbeat and now_ms - heartbeat > tonumber(ARGV[4]) then
    redis.call('HDEL', WORKERS, workers[at])
  elseif found and ARGV[5] ~= '' then
    neighbours[#neighbours + 1] = workers[at]
    neighbours[#neighbours + 1] = string.match(workers[at + 1], '^[^"]*', found + 1)
  end
end

for _, member in ipairs(redis.call('ZRANGE', FOREIGN, '-inf', text(now_ms), 'BYSCORE', 'LIMIT', 0, 100)) do
  local priority, id = string.match(member, '^(%a+):(.*)$')
  redis.call('ZREM', FOREIGN, member)
  redis.call('RPUSH', ready_key(priority), id)
end

recover_speed()
local next_ms = tend_gates()
if work_waits() then wake() end
local due = redis.call('ZCOUNT', DELAYED, '-inf', text(now_ms))
local expired = redis.call('ZCOUNT', RUNNING, '-inf', '(' .. text(now_ms))
for _, set in ipairs({DELAYED, RUNNING}) do
  local score = redis.call('ZRANGE', set, 0, 0, 'WITHSCORES')[2]
  local wait = score and math.max(0, score - now_ms)
  if wait and (next_ms < 0 or wait < next_ms) then next_ms = wait end
end
finish_call()
return {text(corrected), due, expired, text(next_ms), unpack(neighbours)}
