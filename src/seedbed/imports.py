"""How a run's process gets its modules: torch and Lightning take seconds to import."""

import gc
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType

from seedbed.compiler import put_off

SIGNAL_PROCESSING = "scipy.signal"


@contextmanager
def quick_imports() -> Iterator[None]:
    """Import all that a run needs in less time than it would take.

    The garbage collector would go through all that is new over and over; what was imported stays,
    so it is not looked at later either. Torch's compiler is put off. And torchmetrics imports
    SciPy's signal processing, a second's work, to give it a name for an audio package; a stand-in
    takes that meanwhile.
    """
    gc.disable()
    stand_in = ModuleType(SIGNAL_PROCESSING)
    vars(stand_in)["hamming"] = None
    sys.modules.setdefault(SIGNAL_PROCESSING, stand_in)
    put_off()
    try:
        yield
    finally:
        if sys.modules[SIGNAL_PROCESSING] is stand_in:
            del sys.modules[SIGNAL_PROCESSING]
        gc.freeze()
        gc.enable()
