-- A firing: what became of an occurrence of a schedule, or of a run by hand. One with more jobs than a call takes is
-- begun by `fire` or `run`, which leave its plan and how many of its jobs are made, and goes on with `resume`.
local STARTED, MADE = prefix .. 'started', prefix .. 'made'

-- The fact for schedule_executions; `firing` is JSON.
local function record_firing(firing)
  add_fact({'firing', firing, 'at', generation .. ' ' .. text(now_ms)})
end

-- Make the jobs in ARGV from `from`. They are all there are, or `plan` ('' = none) says how to go on.
local function begin_firing(identity, firing, plan, from)
  create_all(from)
  if plan == '' then
    record_firing(firing)
  else
    redis.call('HSET', STARTED, identity, plan)
    redis.call('HSET', MADE, identity, text((#ARGV - from + 1) / FIELDS_PER_JOB))
  end
end
