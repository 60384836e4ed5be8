"""How many functions and files of `src/` a run walks through, from its command to its last line.

That is what a researcher has to understand when something is odd. Counted are functions that are
entered, comprehensions and lambdas too; class bodies, modules and the extras are not.

    python -m benchmarks.walk experiment=line
"""

import inspect
import runpy
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from types import CodeType, FrameType
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
SOURCE = f"{ROOT / 'src'}/"
EXTRAS = tuple(f"{SOURCE}seedbed/{name}/" for name in ("demo", "fast", "report", "sweep"))


def walked(overrides: list[str]) -> set[CodeType]:
    """The functions of `src/`, outside the extras, that a run of these overrides enters."""
    entered: set[CodeType] = set()

    def note(frame: FrameType, event: str, _: Any) -> None:
        if event == "call":
            entered.add(frame.f_code)

    before = sys.argv
    with TemporaryDirectory() as folder:
        sys.argv = ["train.py", *overrides, f"hydra.run.dir={folder}/run"]
        sys.setprofile(note)
        try:
            runpy.run_path(str(ROOT / "train.py"), run_name="__main__")
        finally:
            sys.setprofile(None)
            sys.argv = before
    return {code for code in entered if _counts(code)}


def _counts(code: CodeType) -> bool:
    file = code.co_filename
    is_function = bool(code.co_flags & inspect.CO_OPTIMIZED)  # which a class body is not
    return is_function and file.startswith(SOURCE) and not file.startswith(EXTRAS)


def main() -> None:
    """Count, and list the files with the functions entered in each."""
    entered = walked(sys.argv[1:])
    by_file: dict[str, int] = {}
    for code in entered:
        by_file[code.co_filename] = by_file.get(code.co_filename, 0) + 1
    for file, count in sorted(by_file.items(), key=lambda item: -item[1]):
        print(f"{count:>5}  {Path(file).relative_to(SOURCE)}")
    print(f"{len(entered)} functions in {len(by_file)} files")


if __name__ == "__main__":
    main()
