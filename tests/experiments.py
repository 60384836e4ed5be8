"""The shipped experiments as they are typed, those for data of one's own with a file."""

from seedbed.project import CONF, ROOT

EXPERIMENTS = [
    path.stem for path in sorted((CONF / "experiment").glob("*.yaml")) if path.stem != "none"
]
"""All but the one that chooses nothing."""

OWN_DATA = {
    "text": [f"data.path={ROOT / 'README.md'}"],
    "table": [f"data.path={ROOT / 'src/studies/exam/plane.csv'}", "data.target=y"],
}
"""By the experiment: what it needs."""


def typed(experiment: str) -> list[str]:
    """The overrides that choose an experiment."""
    return [f"experiment={experiment}", *OWN_DATA.get(experiment, [])]
