#!lua flags=allow-oom
-- No transition: pending stays pending. Bring back jobs that wait in no list, as after somebody else's RPOP.
-- LPOS walks a list: callers give few ids at once, and only those that a look at the lists did not find.
-- ARGV[3…] ids
-- Reply: the ids that were brought back to the front
local found = {}
for at = 3, #ARGV do
  local job = load(ARGV[at])
  if job and job.state == 'pending'
    and not redis.call('LPOS', ready_key(job.priority), job.id)
    and not redis.call('LPOS', parked_key(job.scraper, job.priority), job.id) then
    make_ready(job, true)
    found[#found + 1] = job.id
  end
end
return found
