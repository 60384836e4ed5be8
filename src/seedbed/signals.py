"""SIGTERM as an exit of this process, and how a process ended that a signal may have ended."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager

INTERRUPTED = 128 + signal.SIGINT
TERMINATED = 128 + signal.SIGTERM
"""The exit statuses after Ctrl-C and SIGTERM, by the shell's convention."""


def ending(status: int) -> str:
    """Say how a process ended: with its exit status, or by a signal, where that is negative."""
    if status >= 0:
        return f"ended with status {status}"
    name = signal.Signals(-status).name
    return f"was killed by {name}" + ("; out of memory?" if name == "SIGKILL" else "")


@contextmanager
def exit_on_sigterm() -> Iterator[None]:
    """Have SIGTERM raise SystemExit; only the main thread may set that, another goes without."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def leave(number: int, _: object) -> None:
        raise SystemExit(128 + number)

    usual = signal.signal(signal.SIGTERM, leave)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, usual)
