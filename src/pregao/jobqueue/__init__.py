"""The queue as scripts use it, with the contract's signatures."""

from pregao.jobqueue.queue import JobQueue

__all__ = ["JobQueue"]
