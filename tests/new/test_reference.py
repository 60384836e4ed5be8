"""The reference of settings is what the constructors and the YAML files say."""

import pytest
from copied import called
from shipped import COMPLETE, LISTED
from stub_project import REPOSITORY

PRESENT = {
    path.relative_to(REPOSITORY / "conf").as_posix()
    for path in (REPOSITORY / "conf").rglob("*.yaml")
    if path.parent.parent.name != "hydra"
}


@pytest.mark.skipif(
    not COMPLETE or {*LISTED} < PRESENT, reason="options were taken out or added: make reference"
)
def test_page_is_up_to_date() -> None:
    page = (REPOSITORY / "docs" / "reference.md").read_text(encoding="utf-8")
    assert called(REPOSITORY, "-m", "seedbed.new.reference") == page
