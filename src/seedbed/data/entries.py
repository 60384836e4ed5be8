"""Documents from JSON: a list of entries, or one after the other, as JSON Lines has them.

An entry is a text, or an object with a text in one of its fields and perhaps a title in another.
They are read one at a time, so a file may be larger than memory.
"""

import json
from collections.abc import Iterator
from typing import Any, NoReturn

from seedbed.data.decoding import cleaned
from seedbed.errors import DataError

BODIES = ("paragraphs", "text", "content", "body")
"""The fields, a text or a list of lines, of which an entry's first is its text."""

TITLES = ("title", "rhythmic", "chapter")
"""The fields of which an entry's first, if it has one, is the first line."""

LONGEST = 2**26
"""The most characters of one entry."""

DECODER = json.JSONDecoder()

SPACE = " \t\n\r"


def documents_of(parts: Iterator[str], field: str | None, source: str) -> Iterator[str]:
    """The text of each entry.

    Args:
        parts: The file's text.
        field: The field that has an entry's text; None is the first of `BODIES`.
        source: What messages call the file.

    Raises:
        DataError: Naming the line and column, or the entry, that is not as expected.
    """
    for number, entry in enumerate(_entries(_Reader(parts, source)), start=1):
        yield cleaned(_document(entry, field, f"{source}, entry {number}"))


def _document(entry: Any, field: str | None, place: str) -> str:
    if isinstance(entry, str):
        return entry
    bodies = [field] if field else BODIES
    fields = entry if isinstance(entry, dict) else {}
    name = next((name for name in bodies if name in fields), None)
    body = fields.get(name)
    lines = [body] if isinstance(body, str) else body
    if not isinstance(lines, list) or not all(isinstance(line, str) for line in lines):
        raise DataError(
            f"{place}: expected a text, or an object with a text, or a list of lines, in its field "
            f"{' or '.join(bodies)}, got {str(entry)[:60]}. data.field=NAME takes another field."
        )
    titles = [fields[title] for title in TITLES if title != name and fields.get(title)][:1]
    if not all(isinstance(title, str) for title in titles):
        raise DataError(f"{place}: expected a title, a string, got {titles[0]!r:.60}.")
    return "\n".join([*titles, *lines])


def _entries(reader: "_Reader") -> Iterator[Any]:
    is_list = reader.skips("[")
    over = is_list and reader.skips("]")
    while not over and (is_list or not reader.is_at_end()):
        yield reader.value()
        if is_list:
            over = reader.skips("]")
            if not over and not reader.skips(","):
                reader.refuse("expected a comma, or the list's end")
    if not reader.is_at_end():
        reader.refuse("expected nothing after the list's end")


class _Reader:
    """JSON values from a text that comes in parts; holds the part with the next value."""

    def __init__(self, parts: Iterator[str], source: str) -> None:
        self._parts = parts
        self._source = source
        self._text, self._place = "", 0
        self._line, self._column = 1, 1  # of the held text's start

    def is_at_end(self) -> bool:
        """Whether nothing but space is left."""
        while True:
            rest = self._text[self._place : self._place + 1]
            if rest and rest not in SPACE:
                return False
            if rest:
                self._place += 1
            elif not self._read_on():
                return True

    def skips(self, sign: str) -> bool:
        """Go beyond a sign, if it comes next."""
        there = not self.is_at_end() and self._text[self._place] == sign
        self._place += there
        return there

    def value(self) -> Any:
        """Go beyond the next value, and return it."""
        self.is_at_end()
        while True:
            try:
                value, end = DECODER.raw_decode(self._text, self._place)
            except json.JSONDecodeError as error:
                if len(self._text) - self._place < LONGEST and self._read_on():
                    continue
                self.refuse(f"not JSON ({error.msg})", error.pos)
            except RecursionError:
                self.refuse("expected entries of text, got one nested too deep")
            except ValueError:  # a number of more digits than Python converts
                self.refuse("expected entries of text, got a number")
            if end < len(self._text) or not self._read_on():  # else a number may go on
                self._place = end
                return value

    def refuse(self, problem: str, place: int | None = None) -> NoReturn:
        """Raise an error that names the place."""
        before = self._text[: self._place if place is None else place]
        line, column = self._moved(before)
        raise DataError(
            f"{self._source}, line {line}, column {column}: {problem}. Expected a list of entries, "
            "or one a line, each a text or an object with one."
        )

    def _read_on(self) -> bool:
        """Hold about twice as much, if there is more, so that what is long is not read often."""
        parts = [part] if (part := next(self._parts, None)) is not None else []
        if not parts:
            return False
        rest = self._text[self._place :]
        while sum(map(len, parts)) < len(rest) and (part := next(self._parts, None)) is not None:
            parts.append(part)
        self._line, self._column = self._moved(self._text[: self._place])
        self._text, self._place = "".join([rest, *parts]), 0
        return True

    def _moved(self, passed: str) -> tuple[int, int]:
        """The line and column after some of the held text."""
        *lines, last = passed.split("\n")
        return self._line + len(lines), len(last) + (1 if lines else self._column)
