#!lua flags=allow-oom
-- (new) → pending, for jobs that another producer wrote to Redis without our scripts. Their keys lose their TTL, the
-- facts are written, and they go to the front: they waited already. Safe to repeat.
-- ARGV[3] the queue they were found in, ARGV[4…] per job: id, priority, scraper, label, max_retries, unique, body
-- Reply: flat list of code (CREATED | EXISTS | DUPLICATE), id
local problem = check_jobs(4)
if problem then return redis.error_reply(problem) end
local replies = {}
for at = 4, #ARGV, FIELDS_PER_JOB do
  local code, id, priority = create(at)
  redis.call('ZREM', prefix .. 'foreign', ARGV[3] .. ':' .. ARGV[at])
  if priority then redis.call('RPUSH', ready_key(priority), id) end
  replies[#replies + 1] = code
  replies[#replies + 1] = id
end
wake()
finish_call()
return replies
