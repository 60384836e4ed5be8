"""`python -m seedbed` is the `seedbed` command; it takes no module from the folder it is typed in.

Two names are excepted, `seedbed` and `contextlib`, which Python looks for before this is run. By
`python -P -m seedbed`, which the commands that we print begin with, and by `seedbed` it does not.
"""

# That folder may hold a pathlib.py too.
# ruff: noqa: PTH110, PTH120, PTH121

import os
import sys

OWN = os.path.dirname(os.path.dirname(__file__))


def _is_here(place: str) -> bool:
    """Whether modules would come from this folder, and not because the package lies in it."""
    return place != OWN and os.path.exists(place or ".") and os.path.samefile(place or ".", ".")


# Python puts it there, and so does an empty part of PYTHONPATH.
sys.path[:] = [place for place in sys.path if not _is_here(place)]

from seedbed.cli.main import main  # noqa: E402

main()
