"""The shipped experiments as they are typed, those for data of one's own with a file."""

from pathlib import Path
from tempfile import TemporaryDirectory

from PIL import Image

from seedbed.project import CONF, ROOT

EXPERIMENTS = [
    path.stem for path in sorted((CONF / "experiment").glob("*.yaml")) if path.stem != "none"
]
"""All but the one that chooses nothing."""

PICTURES = TemporaryDirectory(prefix="seedbed-pictures-")
for number in range(20):
    folder = Path(PICTURES.name) / ("light" if number % 2 else "dark")
    folder.mkdir(exist_ok=True)
    Image.new("L", (8, 8), 10 * number).save(folder / f"{number}.png")

OWN_DATA = {
    "text": [f"data.path={ROOT / 'README.md'}"],
    "table": [f"data.path={ROOT / 'src/studies/exam/plane.csv'}", "data.target=y"],
    "images": [f"data.path={PICTURES.name}", "data.size=16"],
}
"""By the experiment: what it needs."""


def typed(experiment: str) -> list[str]:
    """The overrides that choose an experiment."""
    return [f"experiment={experiment}", *OWN_DATA.get(experiment, [])]
