"""The pages of the project: their code, figures, words and links."""

import re
from collections.abc import Iterator
from pathlib import Path

from stub_project import REPOSITORY

FENCED = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\(([^)#:]+)(?:#[^)]*)?\)")
COMMENT = re.compile(r"(?:^|[ \t]+)# .*$", re.MULTILINE)
FIGURE = re.compile(r"\d(?:[\d.,:]*\d)?")
CHARACTER = "\u4e00-\u9fff"


def pages(project: Path = REPOSITORY) -> list[Path]:
    """All pages that are read as such."""
    return sorted([*project.glob("*.md"), *(project / "docs").glob("*.md")])


def chinese(page: Path) -> Path:
    return page.with_suffix(".zh.md")


def code(page: Path) -> list[str]:
    """A page's blocks of code, without their comments, which each language has in its own words."""
    return [COMMENT.sub("", block) for block in FENCED.findall(page.read_text(encoding="utf-8"))]


def figures(page: Path) -> set[str]:
    """The numbers in a page, those in its comments too; where links lead does not count."""
    return set(FIGURE.findall(re.sub(r"\]\([^)]*\)", "]", page.read_text(encoding="utf-8"))))


def words(page: Path) -> float:
    """How long a page's prose is: all that stands outside of blocks of code, tables too.

    A word is what stands between spaces and has a letter, so figures and signs are none. Of
    Chinese, which has no spaces, two characters count as a word.
    """
    prose = FENCED.sub("", page.read_text(encoding="utf-8"))
    plain = re.sub(f"[{CHARACTER}]", " ", prose)
    characters = len(re.findall(f"[{CHARACTER}]", prose)) if page.name.endswith(".zh.md") else 0
    return len(re.findall(r"\S*[^\W\d_]\S*", plain)) + characters / 2


def dead_links(project: Path) -> Iterator[str]:
    """Links to files that are not there."""
    for page in pages(project):
        for target in LINK.findall(page.read_text(encoding="utf-8")):
            place = page.parent / target
            # A folder that is gone as a whole went with the studies.
            if not place.exists() and place.parent.exists():
                yield f"{page.name}: {target}"
