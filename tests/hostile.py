"""Searches for input that ends in a trace, or beyond its limits: few tries, or many.

They are the same in each run of the tests; SEEDBED_TRIES=10 searches ten times as long, and
elsewhere each time.
"""

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from seedbed.errors import SeedbedError

SECONDS = 10
"""Processor time that a refusal may take."""


def tries(few: int, many: int) -> pytest.MarkDecorator:
    """Have a test search a little, and once more for long among the slow ones."""
    return pytest.mark.parametrize("tries", [few, pytest.param(many, marks=pytest.mark.slow)])


def search(tries: int, attack: Callable[[st.DataObject], object]) -> None:
    """Attack with what Hypothesis draws, and make what is found small."""
    times = int(os.environ.get("SEEDBED_TRIES", "1"))

    @settings(
        max_examples=tries * times,
        deadline=None,
        derandomize=times == 1,
        database=None,
        suppress_health_check=[*HealthCheck],
    )
    @given(st.data())
    def attacked(data: st.DataObject) -> None:
        attack(data)

    attacked()


@contextmanager
def bounded(outside: Path) -> Iterator[None]:
    """Hold what happens within to its time; nothing may appear in, or change, the folder."""
    began, before = time.process_time(), contents(outside)
    yield
    assert time.process_time() - began < SECONDS
    assert contents(outside) == before


def contents(folder: Path) -> dict[Path, bytes | None]:
    """All that is in a folder."""
    return {path: path.read_bytes() if path.is_file() else None for path in folder.rglob("*")}


def refused(attempt: Callable[[], object]) -> str:
    """What an attempt is refused with, as a command would print it; empty if it is not."""
    said = ""
    try:
        attempt()
    except SeedbedError as error:
        said = str(error) if error.exit_status in (1, 2) else ""
        if not said:
            raise
    return said


# --- what is drawn --------------------------------------------------------------------------------

ODD = (
    *(b"\x00", b"\xff", b"\xef\xbb\xbf", b"\xff\xfe", b"\r", b"\n", b'"', b"'", b",", b";", b"\t"),
    *(b"\x1b[31m", b"\xe2\x80\xae", b"\xed\xa0\x80", b"nan", b"-inf", b"1e999", b"9" * 400),
    *(
        b"[" * 300,
        b"{" * 300,
        b"}",
        b"]",
        b": ",
        b"- ",
        b"&a ",
        b"*a",
        b"!!python/object:os ",
        *(b"!!bool x", b'!!int ""', b"!!timestamp x", b"1:1:1.5", b"<<: "),
        b"%",
    ),
    *(b"null", b"true", b"-1", b"0", b"1e308", b"2**70", b"\\ud800", b"=1+1", b" " * 5000),
)
"""Bytes that mean something to some reader."""


@st.composite
def mutated(draw: st.DrawFn, content: bytes) -> bytes:
    """A file's bytes with some cut out, repeated, or put in."""
    for _ in range(draw(st.integers(1, 4))):
        start = draw(st.integers(0, len(content)))
        end = min(len(content), start + draw(st.sampled_from((0, 1, 2, 4, 16, 100))))
        piece = draw(st.one_of(st.sampled_from(ODD), st.binary(max_size=8)))
        middle = draw(st.sampled_from((b"", piece, content[start:end] * 2, piece * 3)))
        content = content[:start] + middle + content[end:]
    return content


Place = tuple[Any, ...]


def places(content: Any, above: Place = ()) -> Iterator[Place]:
    """Every part of nested containers but the whole, as keys from outside in."""
    if isinstance(content, dict | list | tuple):
        for key in content if isinstance(content, dict) else range(len(content)):
            yield (*above, key)
            yield from places(content[key], (*above, key))


def changed(content: Any, place: Place, change: Callable[[Any], Any]) -> Any:
    """A copy with one part changed, or left out where that raises `KeyError`."""
    if not place:
        return change(content)
    items = [*content.items()] if isinstance(content, dict) else [*enumerate(content)]
    kept = []
    for key, value in items:
        if key != place[0]:
            kept.append((key, value))
            continue
        try:
            kept.append((key, changed(value, place[1:], change)))
        except KeyError:
            if len(place) > 1:
                raise
    return dict(kept) if isinstance(content, dict) else type(content)(v for _, v in kept)


def dropped(_: Any) -> Any:
    """A change that leaves a part out."""
    raise KeyError


PLAIN: tuple[Any, ...] = (
    *(None, True, -1, 0, 3, 10**9, 2**60, 2**70, 0.5, -1e300, 1e300),
    *("", "x" * 300, "\x1b[31m", [], {}, [1], [[]], {"a": 1}),
)
"""Values of every type that YAML and JSON have, some of them large."""
