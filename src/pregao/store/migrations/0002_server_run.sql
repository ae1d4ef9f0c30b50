ALTER TABLE queue_generation ADD COLUMN server_run text;
