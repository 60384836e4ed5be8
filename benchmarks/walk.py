"""How many functions and files of `src/` a run walks through, from its command to its last line.

That is what a researcher has to understand when something is odd. Counted are functions that are
entered, comprehensions and lambdas too; class bodies, modules and the extras are not. A second
figure leaves out what is entered from within an extra alone, as the reader of a run's files, by
which its page is drawn.

    python -m benchmarks.walk experiment=line
"""

import inspect
import runpy
import sys
from collections import Counter
from pathlib import Path
from tempfile import TemporaryDirectory
from types import CodeType, FrameType
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
SOURCE = f"{ROOT / 'src'}/"
CALLING = tuple(f"{SOURCE}seedbed/{name}/" for name in ("demo", "looks", "report", "sweep"))
"""Extras whose calls are theirs; a lean step of `fast` calls what any step does."""

EXTRAS = (*CALLING, f"{SOURCE}seedbed/fast/")


def walked(overrides: list[str]) -> tuple[set[CodeType], set[CodeType]]:
    """The functions of `src/`, outside the extras, that a run of these overrides enters.

    Returns:
        All of them; and those that are entered other than from within an extra.
    """
    entered: set[CodeType] = set()
    own: set[CodeType] = set()

    def note(frame: FrameType, event: str, _: Any) -> None:
        if event == "call" and frame.f_code not in own:
            entered.add(frame.f_code)
            if not _is_within_extra(frame):
                own.add(frame.f_code)

    before = sys.argv
    with TemporaryDirectory() as folder:
        sys.argv = ["train.py", *overrides, f"hydra.run.dir={folder}/run"]
        sys.setprofile(note)
        try:
            runpy.run_path(str(ROOT / "train.py"), run_name="__main__")
        finally:
            sys.setprofile(None)
            sys.argv = before
    return {code for code in entered if _counts(code)}, {code for code in own if _counts(code)}


def _is_within_extra(frame: FrameType | None) -> bool:
    while frame := frame and frame.f_back:
        if frame.f_code.co_filename.startswith(CALLING):
            return True
    return False


def _counts(code: CodeType) -> bool:
    file = code.co_filename
    is_function = bool(code.co_flags & inspect.CO_OPTIMIZED)  # which a class body is not
    return is_function and file.startswith(SOURCE) and not file.startswith(EXTRAS)


def main() -> None:
    """Count, and list the files with the functions entered in each."""
    entered, own = walked(sys.argv[1:])
    by_file = Counter(code.co_filename for code in entered)
    for file, count in by_file.most_common():
        print(f"{count:>5}  {Path(file).relative_to(SOURCE)}")
    files = {code.co_filename for code in own}
    print(f"{len(entered)} functions in {len(by_file)} files")
    print(f"{len(own)} in {len(files)} but for those entered from within an extra alone")


if __name__ == "__main__":
    main()
