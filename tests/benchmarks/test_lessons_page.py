"""The lessons' page, run: each command ends well and prints what the page shows."""

from pathlib import Path

import pytest
from shipped import COMPLETE

from benchmarks.console import blocks, is_printed, printed
from seedbed.project import ROOT

pytestmark = pytest.mark.skipif(not COMPLETE, reason="the page is of all shipped studies")

PAGE = ROOT / "docs" / "lessons.md"


@pytest.mark.slow
@pytest.mark.parametrize("block", blocks(PAGE), ids=lambda text: text[2:70].strip())
def test_command_prints_what_the_page_shows(block: str, tmp_path: Path) -> None:
    for done in printed(block, tmp_path):
        assert not done.failed, done.output
        assert not done.missing, f"{done.command}\n{done.output}"


def test_both_languages_show_the_same_commands_and_figures() -> None:
    assert blocks(PAGE) == blocks(PAGE.with_suffix(".zh.md"))
    assert len(blocks(PAGE)) > 20


@pytest.mark.parametrize(
    ("shown", "is_there"),
    [
        ("loss 0.1010 1,000", True),
        ("loss 0.1010", True),
        ("loss 0.11", False),
        ("loss 0.1 1,000 more", False),
        ("lost 0.1", False),
    ],
)
def test_shown_line_is_a_printed_ones_beginning_with_numbers_near_its(
    shown: str, is_there: bool
) -> None:
    assert is_printed(shown, "another\n   loss  0.1000  1000\n") == is_there
