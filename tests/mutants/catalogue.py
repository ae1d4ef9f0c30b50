"""What may be broken in the code, each with the tests that have to notice."""

from __future__ import annotations

from dataclasses import dataclass

LUA = "src/pregao/queue/lua"
COMMANDS = "tests/integration/test_queue_commands.py"
RECORDER = "tests/integration/test_recorder.py"
RECOVERY = "tests/integration/test_recovery.py"
WORKER = "tests/integration/test_worker.py"
JOBQUEUE = "tests/integration/test_jobqueue.py"
DISPATCH = "tests/integration/test_scheduler_dispatch.py"
BY_HAND = "tests/integration/test_run_by_hand.py"
INTERRUPTED = "tests/integration/test_interrupted_firings.py"
PROMISES = "tests/integration/test_queue_promises.py"
EVENTS = "tests/integration/test_event_order.py"
CONTROLS = "tests/integration/test_controls.py"
GATES = "tests/property/test_gates.py"
LINE = "tests/integration/test_line.py"
MODEL = "tests/property/test_queue_model.py"
WOKEN = "tests/integration/test_woken_claims.py"
BREAKER_COUNTS = "tests/integration/test_breaker_counts.py"
BREAKERS = "tests/integration/test_breakers.py"
NEIGHBOURS = "tests/integration/test_neighbours.py"
RATIONS = "tests/integration/test_rations.py"
CLAIMER = "tests/integration/test_claimer.py"
CAPACITY = "tests/integration/test_worker_capacity.py"
MEMORY = "tests/unit/test_memory_mark.py"
LIMITS = "tests/integration/test_published_limits.py"
SLOW_DOWN = "tests/integration/test_slow_down.py"
SURVIVES = "tests/integration/test_worker_survives.py"


@dataclass(frozen=True)
class Mutant:
    """One fault: `old` occurs exactly once in `file` and is replaced by `new`; `tests` must turn red."""

    name: str
    file: str
    old: str
    new: str
    tests: tuple[str, ...]


MUTANTS = (
    Mutant(
        "settle takes any token",
        f"{LUA}/settle.lua",
        "job.state == 'running' and job.token == token then",
        "job.state == 'running' then",
        (PROMISES,),
    ),
    Mutant(
        "settle answers a repetition as stale",
        f"{LUA}/settle.lua",
        "job.last == token .. ' ' .. outcome",
        "false",
        (PROMISES,),
    ),
    Mutant(
        "settle writes no fact",
        f"{LUA}/settle.lua",
        "    fact(job, more)\n    redis.call('EXPIRE'",
        "    save(job)\n    redis.call('EXPIRE'",
        (COMMANDS,),
    ),
    Mutant(
        "settle drops the error",
        f"{LUA}/settle.lua",
        "document(job, ARGV[at + 5], error_json)",
        "document(job, ARGV[at + 5], 'null')",
        (JOBQUEUE, WORKER),
    ),
    Mutant(
        "settle ignores a cancel request",
        f"{LUA}/settle.lua",
        "elseif job.cancel then",
        "elseif false then",
        (PROMISES,),
    ),
    Mutant(
        "release takes any token",
        f"{LUA}/release.lua",
        "job.state == 'running' and job.token == token then",
        "job.state == 'running' then",
        (PROMISES,),
    ),
    Mutant(
        "renew takes any token",
        f"{LUA}/renew.lua",
        "v[1] == 'running' and v[2] == ARGV[at + 1]",
        "v[1] == 'running'",
        (PROMISES,),
    ),
    Mutant(
        "a repeated claim is a new one",
        f"{LUA}/claim.lua",
        "if stored[1] and string.sub(stored[1], 1, #this_claim) == this_claim then",
        "if false then",
        (PROMISES,),
    ),
    Mutant(
        "a repeated claim answers jobs that another worker has by now",
        f"{LUA}/claim.lua",
        "job.state == 'running' and job.worker == worker then",
        "job.state == 'running' then",
        (PROMISES,),
    ),
    Mutant(
        "the last token is forgotten",
        f"{LUA}/claim.lua",
        "  redis.call('SET', FENCE, text(fence))\n",
        "",
        (PROMISES,),
    ),
    Mutant(
        "a claim leaves no wake token",
        f"{LUA}/claim.lua",
        "if work_waits() then wake() end",
        "if false then wake() end",
        (COMMANDS,),
    ),
    Mutant(
        "the tick puts back no wake token",
        f"{LUA}/tick.lua",
        "if work_waits() then wake() end",
        "if false then wake() end",
        (COMMANDS,),
    ),
    Mutant(
        "a new job wakes nobody",
        f"{LUA}/shared/create.lua",
        "      wake()\n",
        "",
        (PROMISES,),
    ),
    Mutant(
        "the outbox may grow without limit",
        f"{LUA}/claim.lua",
        "> tonumber(ARGV[7]) then return {'BEHIND'} end",
        "< 0 then return {'BEHIND'} end",
        (COMMANDS,),
    ),
    Mutant(
        "a unique key is not freed",
        f"{LUA}/shared/job.lua",
        "    redis.call('DEL', unique_key(job.unique))\n",
        "",
        (PROMISES,),
    ),
    Mutant(
        "a unique key is not looked at",
        f"{LUA}/shared/create.lua",
        "if holder then return 'DUPLICATE', holder end",
        "",
        (PROMISES,),
    ),
    Mutant(
        "a known id is made again",
        f"{LUA}/shared/create.lua",
        "if redis.call('EXISTS', meta_key(job.id)) == 1 then return 'EXISTS', job.id end",
        "",
        (PROMISES,),
    ),
    Mutant(
        "an ended job leaves after an hour",
        f"{LUA}/shared/head.lua",
        "RETENTION_SECONDS = '86400'",
        "RETENTION_SECONDS = '3600'",
        (COMMANDS,),
    ),
    Mutant(
        "the status of an ended job stays for ever",
        f"{LUA}/shared/job.lua",
        "state, 'EX', RETENTION_SECONDS)",
        "state)",
        (COMMANDS,),
    ),
    Mutant(
        "a job that comes back goes to the end of its queue",
        f"{LUA}/shared/job.lua",
        "front and 'RPUSH' or 'LPUSH'",
        "'LPUSH'",
        (PROMISES,),
    ),
    Mutant(
        "a clock that jumps expires leases",
        f"{LUA}/tick.lua",
        "redis.call('ZINCRBY', RUNNING, text(jump), id)",
        "local _ = id",
        (COMMANDS,),
    ),
    Mutant(
        "a restart of the server expires leases",
        f"{LUA}/tick.lua",
        " or (last_run and last_run ~= run) then",
        " then",
        (COMMANDS,),
    ),
    Mutant(
        "workers of every place are neighbours",
        f"{LUA}/tick.lua",
        "string.find(workers[at + 1], place, 1, true)",
        """string.find(workers[at + 1], '"process":"[^"/]*/')""",
        (NEIGHBOURS,),
    ),
    Mutant(
        "a process is known by its pid alone",
        "src/pregao/queue/process.py",
        "    if _started(pid) == started:\n",
        "    if started:\n",
        (NEIGHBOURS,),
    ),
    Mutant(
        "a neighbour is given up unseen",
        "src/pregao/queue/neighbours.py",
        "Reaped() if process == self._predecessor else sight(process)",
        "sight(process) or Reaped()",
        (NEIGHBOURS,),
    ),
    Mutant(
        "a dead neighbour is looked at once",
        "src/pregao/queue/neighbours.py",
        "            self._returned.add(worker)\n",
        "            self._forget(worker)\n",
        (NEIGHBOURS,),
    ),
    Mutant(
        "scripts work without a generation marker",
        f"{LUA}/shared/guard.lua",
        "if not generation then",
        "generation = generation or '0'\nif false then",
        (COMMANDS,),
    ),
    Mutant(
        "a cancel is not published",
        f"{LUA}/cancel.lua",
        "  redis.call('PUBLISH', prefix .. 'cancel', job.id)\n",
        "",
        (PROMISES,),
    ),
    Mutant(
        "a cancel request is not kept",
        f"{LUA}/cancel.lua",
        "  redis.call('HSET', meta_key(job.id), 'cancel', '1')\n",
        "",
        (PROMISES,),
    ),
    Mutant(
        "a lost lease is not counted",
        f"{LUA}/reclaim.lua",
        "  job.lost = job.lost + 1\n",
        "",
        (COMMANDS,),
    ),
    Mutant(
        "a retry is promoted before it is due",
        f"{LUA}/promote.lua",
        "'-inf', text(now_ms), 'BYSCORE'",
        "'-inf', '+inf', 'BYSCORE'",
        (PROMISES,),
    ),
    Mutant(
        "a restored job loses its unique key",
        f"{LUA}/restore.lua",
        "      if not holder_of(job.unique) then redis.call('SET', unique_key(job.unique), job.id) end\n",
        "",
        (RECOVERY,),
    ),
    Mutant(
        "a restore overwrites what Redis has",
        f"{LUA}/restore.lua",
        "if redis.call('EXISTS', meta_key(job.id)) == 0 then",
        "if true then",
        (RECOVERY,),
    ),
    Mutant(
        "an occurrence is fired again",
        f"{LUA}/fire.lua",
        "if fire_ms <= tonumber(redis.call('HGET', FIRED, schedule) or '-1') then return 'ALREADY' end",
        "",
        (PROMISES,),
    ),
    Mutant(
        "an occurrence in the future is fired",
        f"{LUA}/fire.lua",
        "if fire_ms > now_ms then return 'EARLY' end",
        "",
        (PROMISES,),
    ),
    Mutant(
        "a firing is recorded without its jobs",
        f"{LUA}/shared/firing.lua",
        "  create_all(from)\n",
        "",
        (RECORDER,),
    ),
    Mutant(
        "a firing that was begun is left as it is",
        "src/pregao/scheduler/dispatcher.py",
        "        await self._finish_begun(commands)\n",
        "",
        (INTERRUPTED,),
    ),
    Mutant(
        "a firing goes on from anywhere",
        f"{LUA}/resume.lua",
        "if made ~= before then return made end",
        "if made < 0 then return made end",
        (INTERRUPTED,),
    ),
    Mutant(
        "an occurrence that is begun may be decided about again",
        f"{LUA}/fire.lua",
        "redis.call('HSET', FIRED, schedule, fire_ms)\n",
        "if ARGV[7] == '' then redis.call('HSET', FIRED, schedule, fire_ms) end\n",
        (INTERRUPTED,),
    ),
    Mutant(
        "a run by hand that is repeated is made again",
        f"{LUA}/run.lua",
        "if known then return {'EXISTS', known} end\n",
        "",
        (BY_HAND,),
    ),
    Mutant(
        "a run by hand is forgotten at once",
        f"{LUA}/run.lua",
        "redis.call('SET', RUN, firing, 'EX', RETENTION_SECONDS)\n",
        "",
        (BY_HAND,),
    ),
    Mutant(
        "a run by hand counts as an occurrence after a recovery",
        "src/pregao/store/sql/list_fire_marks.sql",
        "WHERE run_id IS NULL\n",
        "",
        (BY_HAND,),
    ),
    Mutant(
        "no event tells that a job was created",
        f"{LUA}/shared/create.lua",
        "  event('job_created', job, ARGV[at + 3])\n",
        "",
        (COMMANDS,),
    ),
    Mutant(
        "no event tells that a job was started",
        f"{LUA}/claim.lua",
        "  event('job_started', job, label_in(whole))\n",
        "",
        (COMMANDS,),
    ),
    Mutant(
        "no event tells of a retry",
        f"{LUA}/settle.lua",
        "    event('job_retry', job, label_in(ARGV[at + 5]))\n",
        "",
        (COMMANDS,),
    ),
    Mutant(
        "forgotten facts still count",
        f"{LUA}/forget.lua",
        "    bytes = bytes + tonumber(ARGV[at + 1])\n",
        "",
        (PROMISES,),
    ),
    Mutant(
        "events are published before the commit",
        "src/pregao/store/recorder.py",
        "                return await write(connection, facts, self._find_request, jobs_only=jobs_only)",
        "                ended = await write(connection, facts, self._find_request, jobs_only=jobs_only)\n"
        "                await self._outbox.publish([_event(ending) for ending in ended])\n"
        "                return ended",
        (EVENTS,),
    ),
    Mutant(
        "final events are not published",
        "src/pregao/store/recorder.py",
        "        if events:\n            await self._outbox.publish",
        "        if False:\n            await self._outbox.publish",
        (RECORDER,),
    ),
    Mutant(
        "entries are dropped before they are recorded",
        "src/pregao/store/recorder.py",
        "        readable = [entry for entry in entries if entry.problem is None]\n",
        "        readable = [entry for entry in entries if entry.problem is None]\n"
        "        await self._outbox.forget(entries)\n",
        (EVENTS,),
    ),
    Mutant(
        "any number of recorders work at once",
        "src/pregao/store/recorder.py",
        'yield bool(await connection.fetchval(sql("try_recorder_lock"), RECORDER_LOCK))',
        'yield bool(await connection.fetchval(sql("try_recorder_lock"), RECORDER_LOCK) or True)',
        (RECORDER,),
    ),
    Mutant(
        "a refused fact is not kept",
        "src/pregao/store/recorder.py",
        "        await self._outbox.bury(entry, problem)\n",
        "",
        (RECORDER,),
    ),
    Mutant(
        "jobs of a firing are not recorded",
        "src/pregao/store/writer.py",
        'await _many(connection, "insert_jobs", [job_row(c, c.spec) for c in _by_id(changes) if c.spec is not None])',
        "pass",
        (RECORDER,),
    ),
    Mutant(
        "an old fact changes a row",
        "src/pregao/store/sql/update_jobs.sql",
        "  AND (jobs.generation, jobs.version) < (fact.generation, fact.version)",
        "",
        (RECORDER,),
    ),
    Mutant(
        "an old result replaces a newer one",
        "src/pregao/store/sql/upsert_results.sql",
        "WHERE (scraper_results.generation, scraper_results.version) < (excluded.generation, excluded.version)",
        "",
        (PROMISES,),
    ),
    Mutant(
        "the marker is set before the jobs are back",
        "src/pregao/recovery.py",
        '    await connection.execute(sql("set_generation"), generation, clock.now(), server_run)\n',
        '    await connection.execute(sql("set_generation"), generation, clock.now(), server_run)\n'
        "    await commands.open_generation(generation)\n",
        (EVENTS,),
    ),
    Mutant(
        "a worker that cannot renew goes on",
        "src/pregao/queue/lease.py",
        '            self._tell(lease, "expired")',
        "            pass",
        (PROMISES,),
    ),
    Mutant(
        "one settlement that is refused holds up the others",
        "src/pregao/worker/settler.py",
        "                await self._send_one_by_one(batch, error)\n                return",
        "                await asyncio.sleep(RETRY_SECONDS)",
        (PROMISES,),
    ),
    Mutant(
        "a cap is not kept",
        f"{LUA}/shared/gates.lua",
        "bound(tonumber(rules['cap' .. s]) - running)",
        "bound(tonumber(rules['cap' .. s]) + 1 - running)",
        (CONTROLS, MODEL),
    ),
    Mutant(
        "a paused scraper runs",
        f"{LUA}/shared/gates.lua",
        "    if ends then bound(0, ends > 0 and ends or math.huge) end\n  end",
        "  end",
        (CONTROLS, MODEL),
    ),
    Mutant(
        "a parked job goes behind those that came later",
        f"{LUA}/shared/gates.lua",
        "redis.call('LPUSH', parked_key(job.scraper, job.priority), job.id)",
        "redis.call('RPUSH', parked_key(job.scraper, job.priority), job.id)",
        (CONTROLS, MODEL),
    ),
    Mutant(
        "a freed slot wakes nobody for parked jobs",
        f"{LUA}/shared/job.lua",
        "if redis.call('EXISTS', PARKED) == 1 then wake() end",
        "if false then wake() end",
        (CONTROLS,),
    ),
    Mutant(
        "a cancelled parked job stays where it was parked",
        f"{LUA}/shared/job.lua",
        "  redis.call('LREM', parked_key(job.scraper, job.priority), -1, job.id)\n",
        "",
        (MODEL,),
    ),
    Mutant(
        "a killed attempt spends a retry",
        f"{LUA}/settle.lua",
        "if outcome == 'killed' then\n    job.lost",
        "if false then\n    job.lost",
        (MODEL,),
    ),
    Mutant(
        "a change of a rule is not recorded",
        f"{LUA}/shared/gates.lua",
        "  add_fact({'control', name,",
        "  local _ = ({'control', name,",
        (CONTROLS, MODEL),
    ),
    Mutant(
        "a foreign job that nobody adopted is forgotten",
        f"{LUA}/tick.lua",
        "  redis.call('RPUSH', ready_key(priority), id)\n",
        "",
        (CONTROLS, MODEL),
    ),
    Mutant(
        "the scrub brings back what waits in its queue",
        f"{LUA}/scrub.lua",
        "and not redis.call('LPOS', ready_key(job.priority), job.id)",
        "and true",
        (CONTROLS, MODEL),
    ),
    Mutant(
        "a claim that was asked about may still be made",
        f"{LUA}/claim.lua",
        "if want == 0 then\n  remember()\n",
        "if want == 0 then\n",
        (WOKEN,),
    ),
    Mutant(
        "a host's cap is not kept",
        f"{LUA}/shared/gates.lua",
        "if cap then bound(tonumber(cap) - ",
        "if cap then bound(tonumber(cap) + 1 - ",
        (GATES,),
    ),
    Mutant(
        "a host's slot is not given back",
        f"{LUA}/shared/job.lua",
        "  for host, count in pairs(freed_hosts) do\n",
        "  for host, count in pairs({}) do\n",
        (GATES,),
    ),
    Mutant(
        "a rate forgets the oldest start",
        f"{LUA}/shared/gates.lua",
        "redis.call('LTRIM', key, 0, math.max(1, tonumber(count or '1')) - 1)",
        "redis.call('LTRIM', key, 0, math.max(1, tonumber(count or '1')) - 2)",
        (GATES,),
    ),
    Mutant(
        "a source that asked to be left alone is asked again",
        f"{LUA}/shared/gates.lua",
        "if held > now_ms then return 0, held end",
        "",
        (GATES,),
    ),
    Mutant(
        "two jobs of one call share a host's last slot",
        f"{LUA}/shared/gates.lua",
        "  count_started()\n  rooms = {}\n",
        "  count_started()\n",
        (GATES,),
    ),
    Mutant(
        "an old failure still counts after a success",
        f"{LUA}/shared/breaker.lua",
        "    if limit or rules[open_rule] then in_a_row[scraper] = '' end\n",
        "",
        (BREAKER_COUNTS,),
    ),
    Mutant(
        "failures of one call are not kept",
        f"{LUA}/settle.lua",
        "write_failures()\nfinish_call()",
        "finish_call()",
        (BREAKER_COUNTS,),
    ),
    Mutant(
        "a cancelled caller shifts the answers of others",
        "src/pregao/queue/line.py",
        "self._settle(self._awaited.popleft(), answer)",
        "self._settle(next(a for a in self._awaited if not a.done()), answer)",
        (LINE,),
    ),
    Mutant(
        "a claim takes any number of rationed jobs",
        f"{LUA}/claim.lua",
        "      if rationed[job.scraper] then use_ration() end\n",
        "",
        (RATIONS,),
    ),
    Mutant(
        "nobody is woken for what a worker leaves",
        f"{LUA}/claim.lua",
        "redis.call('LPUSH', WAKE_OTHERS, '1')",
        "redis.call('LLEN', WAKE_OTHERS)",
        (RATIONS,),
    ),
    Mutant(
        "a job that does not fit is overtaken by those behind it",
        f"{LUA}/claim.lua",
        "if full or used >= limit or consider(id, priority) then rest[#rest + 1] = id end",
        "if full or used >= limit then rest[#rest + 1] = id "
        "elseif consider(id, priority) then redis.call('RPUSH', list, id) end",
        (RATIONS,),
    ),
    Mutant(
        "a claim behind a dead wait keeps the token",
        f"{LUA}/claim.lua",
        "  wake() -- the first",
        "  -- the first",
        (RATIONS,),
    ),
    Mutant(
        "a full worker waits for work instead of a slot",
        "src/pregao/worker/claimer.py",
        'nothing = answer.code == "ok" and answer.empty',
        "nothing = answer.empty",
        (CAPACITY,),
    ),
    Mutant(
        "a claim that was called back is never asked about",
        "src/pregao/worker/claimer.py",
        "        if self._held and self._unanswered:\n",
        "        if False:\n",
        (CLAIMER,),
    ),
    Mutant(
        "a browser that comes free calls no claim back",
        "src/pregao/worker/claimer.py",
        "waits_with.left <= 0 < now.left",
        "False",
        (CLAIMER,),
    ),
    Mutant(
        "a job takes one slot whatever it weighs",
        "src/pregao/worker/slots.py",
        "Slot(claim, min(claim.weight, self.count), browser=browser)",
        "Slot(claim, 1, browser=browser)",
        (CAPACITY,),
    ),
    Mutant(
        "memory that is a little less full is enough",
        "src/pregao/worker/memory.py",
        "self._low_percent if before else self._high_percent",
        "self._high_percent",
        (MEMORY,),
    ),
    Mutant(
        "a breaker never opens by itself",
        f"{LUA}/shared/breaker.lua",
        "if not was_open and (not limit or count < limit) then return end",
        "if not was_open then return end",
        (BREAKERS,),
    ),
    Mutant(
        "failures of other classes count on",
        f"{LUA}/shared/breaker.lua",
        "last == class and tonumber(count) + 1 or 1",
        "tonumber(count or '0') + 1",
        (BREAKERS,),
    ),
    Mutant(
        "a breaker that is probing lets all jobs through",
        f"{LUA}/shared/gates.lua",
        "else bound(1 - running) end",
        "end",
        (BREAKERS,),
    ),
    Mutant(
        "a job that was under way closes what somebody tripped",
        f"{LUA}/shared/breaker.lua",
        "(ends and string.find(open, '\"who\":', 1, true))",
        "false",
        (BREAKERS,),
    ),
    Mutant(
        "a breaker that opens again forgets since when",
        f"{LUA}/shared/breaker.lua",
        'was_open and string.match(was_open, \'"since":("[^"]*")\') or iso(now_ms)',
        "iso(now_ms)",
        (BREAKERS,),
    ),
    Mutant(
        "a reset wakes nobody",
        f"{LUA}/reset.lua",
        "if work_waits() then wake() end",
        "",
        (BREAKERS,),
    ),
    Mutant(
        "a reset always forgets what hosts asked for",
        f"{LUA}/reset.lua",
        "if with_hosts then",
        "if true then",
        (BREAKERS,),
    ),
    Mutant(
        "a reset is not recorded",
        f"{LUA}/reset.lua",
        "  tell_change(name, before, '', who)\n",
        "",
        (BREAKERS,),
    ),
    Mutant(
        "refusals that came together are many complaints",
        f"{LUA}/release.lua",
        "if started_ms >= tonumber(since) then",
        "if true then",
        (SLOW_DOWN,),
    ),
    Mutant(
        "a worker claims before it has written the limits",
        "src/pregao/worker/processor.py",
        "await publisher.step()",
        "pass",
        (LIMITS,),
    ),
    Mutant(
        "a frozen worker begins what it claimed before",
        "src/pregao/worker/claimer.py",
        "if self._clock.monotonic() >= claimed_at + self._lease_ms / 1000:",
        "if False:",
        (SURVIVES,),
    ),
    Mutant(
        "a word that cannot be sent leaves an answer awaited",
        "src/pregao/queue/line.py",
        """        packed = b"".join(map(hiredis.pack_command, commands))
        answers = [self._loop.create_future() for _ in commands]
        self._awaited += answers
""",
        """        answers = [self._loop.create_future() for _ in commands]
        self._awaited += answers
        packed = b"".join(map(hiredis.pack_command, commands))
""",
        (LINE,),
    ),
    Mutant(
        "a result is thrown away when Redis takes no writes",
        "src/pregao/queue/replies.py",
        '("NOREPLICAS", "BUSY", "UNBLOCKED")',
        '("BUSY", "UNBLOCKED")',
        (SURVIVES,),
    ),
    Mutant(
        "a scraper that cancels its task takes its outcome with it",
        "src/pregao/worker/inloop.py",
        "            if self.ending:\n                raise\n            message",
        "            if watch.task.cancelling() > watch.cancelled:\n                raise\n            message",
        (SURVIVES,),
    ),
)
