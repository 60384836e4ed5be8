"""SIGTERM as an exit of this process, and as what it gets when the one that started it is gone.

And how a process ended that a signal may have ended.
"""

import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

INTERRUPTED = 128 + signal.SIGINT
TERMINATED = 128 + signal.SIGTERM
"""The exit statuses after Ctrl-C and SIGTERM, by the shell's convention."""

STARTER = "SEEDBED_STARTER"
"""The variable that tells a process which one has started it, without which it shall not go on."""

POLL = 0.5
"""Seconds between two looks at whether that one is still there."""


def end_with(starter: int) -> None:
    """Have this process get SIGTERM once its parent is gone, however that ended; SIGKILL too.

    Args:
        starter: Its process id, as it has told it: it may be gone by now.
    """

    def watch() -> None:
        while os.getppid() == starter:
            time.sleep(POLL)
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=watch, daemon=True).start()


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
