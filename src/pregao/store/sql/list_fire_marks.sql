-- How far each schedule's rule was followed. A run by hand says nothing of that.
SELECT schedule_name, max(fire_time) AS fire_time
FROM schedule_executions
WHERE run_id IS NULL
GROUP BY schedule_name
