"""What the template ships in `conf`, by `shipped.txt`: house rules do not bind your own files."""

from pathlib import Path

from PIL import Image
from stub_project import PROJECT, REPOSITORY

from seedbed.project import CONF

LISTED = (Path(__file__).with_name("shipped.txt")).read_text(encoding="utf-8").split()

COMPLETE = all((CONF / name).is_file() for name in LISTED)
"""Whether no shipped study has been removed."""

STUBS = Path(__file__).with_name("stubs") / "conf"

FILES = sorted(
    path
    for path in CONF.rglob("*.yaml")
    if (name := path.relative_to(CONF).as_posix()) in LISTED or (STUBS / name).is_file()
)
"""Shipped files that no `seedbed remove study` has removed, and those of the stub studies."""


def options(group: str) -> list[str]:
    """The shipped options of a group."""
    return [path.stem for path in FILES if path.parent == CONF / group]


EXPERIMENTS = [name for name in options("experiment") if name != "none"]
"""All but the one that chooses nothing."""

OWN = PROJECT / "own"
if not OWN.exists():
    for number in range(20):
        folder = OWN / "images" / ("light" if number % 2 else "dark")
        folder.mkdir(exist_ok=True, parents=True)
        Image.new("L", (8, 8), 10 * number).save(folder / f"{number}.png")
    (OWN / "table.csv").write_text(
        "a,b,y\n" + "".join(f"{a},{b},{2 * a - b}\n" for a in range(20) for b in range(5))
    )

OWN_DATA = {
    "text": [f"data.path={REPOSITORY / 'LICENSE'}"],
    "table": [f"data.path={OWN}/table.csv", "data.target=y"],
    "images": [f"data.path={OWN}/images", "data.size=16"],
}
"""By the experiment: what it needs."""


def typed(experiment: str) -> list[str]:
    """The overrides that choose an experiment."""
    return [f"experiment={experiment}", *OWN_DATA.get(experiment, [])]
