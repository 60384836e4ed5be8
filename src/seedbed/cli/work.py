"""A sweep's worker, which is not for users."""


def work() -> None:
    """Execute the runs that a sweep names on standard input."""
    from seedbed.sweep import worker

    worker.work()
