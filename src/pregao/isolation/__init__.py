"""Attempts in processes of their own: a zygote per scraper directory forks a runner per job, watches and ends it.

The worker's side is `host`; the zygote's is `zygote` and below it `runner`. Both speak in the frames of `messages`.
"""
