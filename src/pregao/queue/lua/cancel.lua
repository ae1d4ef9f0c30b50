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
if job.state ~= 'pending' and job.state ~= 'retry' then return {'ENDED', job.state} end
if job.state == 'pending' then
  redis.call('LREM', ready_key(job.priority), -1, job.id)
else
  redis.call('ZREM', DELAYED, job.id)
  redis.call('HDEL', meta_key(job.id), 'due')
end
finish(job, 'cancelled')
write_head(job)
fact(job, {})
start_retention(job)
return {'CANCELLED', job.state}
