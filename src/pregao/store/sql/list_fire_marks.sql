SELECT schedule_name, max(fire_time) AS fire_time
FROM schedule_executions
GROUP BY schedule_name
