"""The lessons' page, run: each command ends well and prints what the page shows."""

from pathlib import Path
from statistics import fmean

import pytest
from shipped import COMPLETE

from benchmarks.console import NEAR, blocks, is_printed, printed
from benchmarks.figures import compared, read_blocks, read_figures
from seedbed.project import ROOT

pytestmark = pytest.mark.skipif(not COMPLETE, reason="the page is of all shipped studies")

PAGE = ROOT / "docs" / "lessons.md"
BLOCKS = [block for page, block in read_blocks() if page == "docs/lessons.md"]
FETCHED = "-m experiment=mnist seeds=5"
"""What needs a download; `make docs-figures` runs it, and the page has it on the digits, too."""


@pytest.mark.slow
@pytest.mark.parametrize("block", BLOCKS, ids=lambda text: text[2:70].strip())
def test_command_prints_what_the_page_shows(block: str, tmp_path: Path) -> None:
    for done in printed(block, tmp_path):
        assert not done.failed, done.output
        assert not done.missing, f"{done.command}\n{done.output}"


@pytest.mark.slow
def test_figures_within_the_text_are_reproduced(tmp_path: Path) -> None:
    figures = [each for each in read_figures() if each.page == "docs/lessons.md"]
    shown = [each for each in figures if each.command != FETCHED]
    assert len({each.command for each in shown}) == 3
    for figure, values in compared(shown, tmp_path):
        assert fmean(values) == pytest.approx(figure.value, rel=NEAR), figure


def test_both_languages_show_the_same_commands_and_figures() -> None:
    assert blocks(PAGE) == blocks(PAGE.with_suffix(".zh.md"))
    assert len(blocks(PAGE)) > 20


@pytest.mark.parametrize(
    ("shown", "is_there"),
    [
        ("loss 0.1010 1,000", True),
        ("loss 0.1010", True),
        ("(loss 0.1010, 1,010),", False),
        ("at step 101), and", True),
        ("loss 0.11", False),
        ("loss 0.1 1,000 more", False),
        ("lost 0.1", False),
    ],
)
def test_shown_line_is_a_printed_ones_beginning_with_numbers_near_its(
    shown: str, is_there: bool
) -> None:
    assert is_printed(shown, "another\n   loss  0.1000  1000\nat step 100), and on\n") == is_there
