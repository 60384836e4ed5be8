"""A study under a name of its own, from the files of `kinds/KIND`.

The files there import, type-check and train as they lie; here their module's name and the word NAME
are replaced.
"""

import keyword
from importlib.util import find_spec
from pathlib import Path
from typing import Literal

from seedbed.errors import SettingError
from seedbed.project import CONF, ROOT, own_packages, settings

Kind = Literal["points", "table", "images", "text", "lightning"]

KINDS = Path(__file__).with_name("kinds")


def new_study(name: str, kind: Kind) -> list[Path]:
    """Write a study's folder, its files of `conf/`, and its test; return the files.

    Raises:
        SettingError: If the name cannot be that of a package, or is taken.
    """
    if not name.isidentifier() or keyword.iskeyword(name) or name != name.lower():
        raise SettingError(
            f"{name}: expected the name of a Python package, of small letters, digits and _."
        )
    package, folder = _package()
    texts = dict(sorted(_texts(name, kind, package, folder).items()))
    if taken := [path for path in (folder / name, *texts) if path.exists()]:
        raise SettingError(f"{name}: is taken by {taken[0]}; choose another name.")
    for path, text in texts.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return [*texts]


def _texts(name: str, kind: Kind, package: str, folder: Path) -> dict[Path, str]:
    """What each file of the study contains."""
    source = KINDS / kind
    module = f"{__package__}.{KINDS.name}.{kind}"
    texts = {}
    for path in source.rglob("*"):
        if path.is_dir() or path.suffix == ".pyc":
            continue
        if path.suffix == ".yaml":
            place = CONF / path.stem / f"{name}.yaml"
        elif path.name == "check.py":
            place = ROOT / "tests" / package / name / f"test_{name}.py"
        else:
            place = folder / name / path.name
        text = path.read_text(encoding="utf-8").replace(module, f"{package}.{name}")
        texts[place] = text.replace("NAME", name)
    return texts


def _package() -> tuple[str, Path]:
    """The project's package of studies, and its folder.

    Raises:
        SettingError: If there is none, as of the frame alone.
    """
    for package in own_packages()[1:]:
        spec = find_spec(package)
        for place in (spec and spec.submodule_search_locations) or ():
            return package, Path(place)
    named = settings().get("packages")
    raise SettingError(
        f"{ROOT}: this project has no package for its studies; "
        + (f"make src/{named[0]}." if named else "seedbed new project makes one.")
    )
