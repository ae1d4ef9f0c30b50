#!lua flags=allow-oom
-- No transition: pending stays pending, retry stays retry. Move a waiting job to the back of another queue.
-- Safe to repeat.
-- ARGV[3] id, ARGV[4] priority
-- Reply: code (OK | REFUSED: it runs or has ended | UNKNOWN), state
local priority = ARGV[4]
if priority ~= 'high' and priority ~= 'normal' and priority ~= 'low' then
  return redis.error_reply('EPRIORITY ' .. priority)
end
local job = load(ARGV[3])
if not job then return {'UNKNOWN', ''} end
if job.state ~= 'pending' and job.state ~= 'retry' then return {'REFUSED', job.state} end
if job.priority ~= priority then
  if job.state == 'pending' then
    leave_queue(job)
    redis.call('LPUSH', ready_key(priority), job.id)
    wake()
  end
  job.priority = priority
  set(job, 'priority', priority)
  write_head(job)
  fact(job, {})
  finish_call()
end
return {'OK', job.state}
