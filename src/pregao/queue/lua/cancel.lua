#!lua flags=allow-oom
-- pending, retry → cancelled; a running job gets a cancel request, which its worker hears at once and at each renewal.
-- Safe to repeat.
-- ARGV[3] id
-- Reply: code (CANCELLED | REQUESTED | ENDED | UNKNOWN), state
local job = load(ARGV[3])
if not job then return {'UNKNOWN', ''} end
if job.state == 'running' then
  redis.call('HSET', meta_key(job.id), 'cancel', '1')
  redis.call('PUBLISH', prefix .. 'cancel', job.id)
  return {'REQUESTED', job.state}
end
if job.state == 'pending' then
  leave_queue(job)
elseif job.state == 'retry' then
  redis.call('ZREM', DELAYED, job.id)
else
  return {'ENDED', job.state}
end
finish(job, 'cancelled')
write_head(job)
fact(job, {})
start_retention(job)
finish_call()
return {'CANCELLED', job.state}
