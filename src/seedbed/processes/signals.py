"""Signals that end a process as exits, and SIGTERM once its parent is gone; how processes ended."""

import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

INTERRUPTED = 128 + signal.SIGINT
TERMINATED = 128 + signal.SIGTERM
"""The exit statuses after Ctrl-C and SIGTERM, by the shell's convention."""

HANGUP: signal.Signals | None = getattr(signal, "SIGHUP", None)
"""What a terminal sends as it closes; Windows has none."""

STOPPED = (INTERRUPTED, TERMINATED, *([] if HANGUP is None else [128 + HANGUP]))
"""The exit statuses of a process that a signal has ended."""

PARENT = "SEEDBED_PARENT"
"""The variable with the id of the parent without which a process is not to go on."""

POLL = 0.5
"""Seconds between two looks at whether it is still there."""


def end_with(parent: int) -> None:
    """Have this process get SIGTERM once its parent is gone, however it ends, by SIGKILL too.

    Args:
        parent: Its process id, as it gave it itself: it may be gone by now.
    """
    if sys.platform == "win32":  # where another process may stand between the two
        return

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(POLL)
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=watch, daemon=True).start()


def ending(status: int) -> str:
    """Say how a process ended: with its exit status, or by a signal, where that is negative."""
    if status >= 0:
        return f"ended with status {status}"
    name = signal.Signals(-status).name
    return f"was killed by {name}" + ("; out of memory?" if name == "SIGKILL" else "")


def ending_signals() -> list[signal.Signals]:
    """SIGTERM, and SIGHUP unless the process is to outlive its terminal, as under `nohup`."""
    hangs_up = HANGUP is not None and signal.getsignal(HANGUP) != signal.SIG_IGN
    return [signal.SIGTERM, *([HANGUP] if HANGUP is not None and hangs_up else [])]


@contextmanager
def exit_on_signals() -> Iterator[None]:
    """Have these raise SystemExit; only the main thread may set that, another goes without."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def leave(number: int, _: object) -> None:
        raise SystemExit(128 + number)

    usual = {number: signal.signal(number, leave) for number in ending_signals()}
    try:
        yield
    finally:
        for number, handler in usual.items():
            signal.signal(number, handler)
