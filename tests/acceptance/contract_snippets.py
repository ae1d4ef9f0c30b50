"""The contract's snippets, word for word. `run_contract` runs them against a complete system."""

from __future__ import annotations

JOB_ID = "550e8400-e29b-41d4-a716-446655440000"

START = "python scheduler.py"

CREATE = """\
curl -X POST http://localhost:3000/api/jobs/create \\
  -H "Content-Type: application/json" \\
  -d '{
    "scraper_name": "B3",
    "ticker": "PETR4",
    "priority": "high",
    "max_retries": 3
  }'
"""

CURLS = {
    "get": f"curl http://localhost:3000/api/jobs/{JOB_ID}",
    "list": "curl http://localhost:3000/api/jobs/list",
    "list by status": "curl http://localhost:3000/api/jobs/list?status=completed",
    "list by scraper": "curl http://localhost:3000/api/jobs/list?scraper_name=B3",
    "list by ticker": "curl http://localhost:3000/api/jobs/list?ticker=PETR4",
    # Unquoted in the contract: the shell takes `&` for itself, and the request is for page 2 alone.
    "list by page": "curl http://localhost:3000/api/jobs/list?page=2&page_size=50",
    "delete": f"curl -X DELETE http://localhost:3000/api/jobs/{JOB_ID}",
    "retry": f"curl -X POST http://localhost:3000/api/jobs/{JOB_ID}/retry",
    "queue status": "curl http://localhost:3000/api/jobs/queue/status",
    "stats summary": "curl http://localhost:3000/api/jobs/stats/summary",
    "stats by scraper": "curl http://localhost:3000/api/jobs/stats/by-scraper",
}

SUBSCRIBE = """\
import redis
import json

r = redis.Redis(host='localhost', port=6379, decode_responses=True)
pubsub = r.pubsub()
pubsub.subscribe('scraper:events')

for message in pubsub.listen():
    if message['type'] == 'message':
        event = json.loads(message['data'])
        print(f"Job {event['job_id']} {event['status']}")
"""

QUEUE_STATUS = """\
from scheduler import JobQueue

queue = JobQueue()
status = await queue.get_queue_length()
print(f"High: {status['high']}, Normal: {status['normal']}, Low: {status['low']}")
"""

SCHEDULED_JOBS = """\
from scheduler import ScraperScheduler

scheduler = ScraperScheduler()
await scheduler.initialize()
await scheduler.start()

jobs = scheduler.get_jobs()
for job in jobs:
    print(f"{job['name']}: next run at {job['next_run_time']}")
"""

RECENT_EXECUTIONS = """\
-- Recent job executions
SELECT
    scraper_name,
    ticker,
    success,
    response_time,
    executed_at
FROM scraper_results
ORDER BY executed_at DESC
LIMIT 20;
"""

SUCCESS_RATE = """\
-- Success rate by scraper
SELECT
    scraper_name,
    COUNT(*) as total,
    COUNT(CASE WHEN success = true THEN 1 END) as successful,
    ROUND(COUNT(CASE WHEN success = true THEN 1 END) * 100.0 / COUNT(*), 2) as success_rate
FROM scraper_results
WHERE executed_at >= NOW() - INTERVAL '24 hours'
GROUP BY scraper_name
ORDER BY total DESC;
"""

REDIS_CLI = "redis-cli ping"
WORKERS = "ps aux | grep scheduler.py"

CUSTOM_SCHEDULE = """\
schedules:
  my_custom_schedule:
    enabled: true
    type: cron
    scraper: B3
    priority: high
    hour: 10
    minute: 30
    day_of_week: "0-4"  # Monday to Friday
    tickers:
      - PETR4
      - VALE3
    description: "My custom schedule"
"""

TRIGGERS = {
    "cron": """\
type: cron
hour: 10
minute: 30
second: 0
day: "*"
month: "*"
day_of_week: "0-4"
""",
    "interval": """\
type: interval
hours: 2        # Every 2 hours
# OR
minutes: 30     # Every 30 minutes
# OR
seconds: 60     # Every 60 seconds
""",
    "date": """\
type: date
run_date: "2025-11-07T15:30:00"
""",
}
