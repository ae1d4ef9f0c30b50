SELECT generation, server_run FROM queue_generation
