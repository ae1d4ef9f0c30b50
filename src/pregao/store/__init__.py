"""What must outlive Redis, in PostgreSQL: pool, migrations, the recorder that writes and the history that reads."""
