"""The documents of a user's text, one at a time: of a file, or of all files of a folder.

A file is plain text, JSON or JSON Lines by what is in it, whatever its name. One document is
held at a time, so a corpus may be larger than memory. Trade-off: each pass reads it from the start.
"""

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Literal

from seedbed.data.decoding import (
    blocks,
    check_encoding,
    decoded,
    encoding_of,
    lines_of,
    text_of,
)
from seedbed.data.entries import documents_of
from seedbed.data.vocabulary import END
from seedbed.errors import DataError

Form = Literal["line", "blank_line", "whole"]
"""What is a document of plain text: a line, what stands between blank lines, or the file."""

Found = Form | Literal["json"]

FEW = 20
"""So many lines, or files, are rather a document each than one together."""

LONG_BLOCK = 50
"""So many lines without a blank one are rather a document each."""

LOOKED_AT = 2**22
"""Characters of a file by which its form is detected."""

JSON_LIKE = re.compile(r'\s*(\[\s*([{"\]]|\Z)|\{\s*["}])')
"""How JSON begins, and hardly any other text."""

JSON = (".json", ".jsonl", ".ndjson")

BLANK = re.compile("\n(?:[^\\S\n]|[\u200c\u200d])*\n")
"""A blank line, also one of what joins characters of some scripts."""

WORDS = {
    "json": "JSON, a document an entry",
    "line": "text, a document a line",
    "blank_line": "text, a blank line between documents",
    "whole": "text, a document a file",
}


@dataclass(frozen=True)
class Corpus:
    """A text of one's own.

    Args:
        path: A file, or a folder: its `.txt` files or, where it has none, those of JSON.
        encoding: The files' encoding; None is what their first bytes say, else UTF-8.
        form: What a document of plain text is; None detects it.
        field: The field of JSON entries that has the text; None knows the usual ones.

    Raises:
        SettingError: If there is no such encoding.
    """

    path: Path
    encoding: str | None = None
    form: Form | None = None
    field: str | None = None

    def __post_init__(self) -> None:
        check_encoding(self.encoding)

    def documents(self) -> Iterator[str]:
        """The documents, without space around them and none of them empty.

        Raises:
            DataError: Naming the file and the place in it that cannot be used.
        """
        for file, form in self._forms.items():
            texts = filter(None, map(str.strip, self._documents(file, form)))
            for number, text in enumerate(texts, start=1):
                yield _checked(text, f"{file}, document {number}")

    def texts(self) -> Iterator[str]:
        """The same of whole files in parts, each file's last one its end; none is held."""
        for file in self._forms:
            for number, text in enumerate(self._text(file), start=1):
                yield _checked(text, f"{file}, MiB {number}")
            yield END

    @property
    def is_whole(self) -> bool:
        """Whether it is but a few documents, each a whole file."""
        return len(self._forms) < FEW and {*self._forms.values()} == {"whole"}

    @property
    def read_as(self) -> str:
        """What the files were taken for."""
        encoding = self.encoding or encoding_of(next(iter(self._forms)))
        forms = dict.fromkeys(WORDS[form] for form in self._forms.values())
        return f"read as {encoding.removesuffix('-sig').upper()} {' and '.join(forms)}"

    @property
    def size(self) -> int:
        """Bytes of all files together."""
        return sum(file.stat().st_size for file in self._forms)

    def checksum(self) -> str:
        """The SHA-256 of the file, or of a folder's files one after the other."""
        digest = hashlib.sha256()
        for file in self._forms:
            for block in blocks(file):
                digest.update(block)
        return digest.hexdigest()

    @cached_property
    def _forms(self) -> dict[Path, Found]:
        """The files that have any text, and what their documents are."""
        files = _files(self.path) if self.path.is_dir() else [self.path]
        form = self.form or ("whole" if len(files) >= FEW else None)
        found = {file: _form(file, _head(self._text(file)), form) for file in files}
        if not any(found.values()):
            raise DataError(f"{self.path}: is empty. Expected text, plain or as JSON.")
        return {file: form for file, form in found.items() if form}

    def _documents(self, file: Path, form: Found) -> Iterator[str]:
        if form == "json":
            yield from documents_of(decoded(file, self.encoding), self.field, str(file))
        elif form == "line":
            yield from lines_of(self._text(file))
        elif form == "blank_line":
            yield from _blocks(self._text(file))
        else:
            yield "".join(self._text(file))

    def _text(self, file: Path) -> Iterator[str]:
        return text_of(file, self.encoding)


def _files(folder: Path) -> list[Path]:
    found = sorted(
        file
        for file in folder.rglob("*")
        if file.suffix.lower() in (".txt", *JSON)
        and not file.name.startswith(".")  # as those that macOS leaves beside each file
        and file.is_file()
    )
    plain = [file for file in found if file.suffix.lower() == ".txt"]
    if not found:
        raise DataError(f"{folder}: has no .txt or .json files. Check data.path.")
    return plain or found


def _head(parts: Iterator[str]) -> str:
    head = ""
    for part in parts:
        head += part
        if len(head) >= LOOKED_AT:
            break
    return head


def _form(file: Path, head: str, wanted: Form | None) -> Found | None:
    """What a document is, of a file that begins so; None where there is no text."""
    if not head or head.isspace():
        return None
    if file.suffix.lower() in JSON or JSON_LIKE.match(head):
        return "json"
    return wanted or _found_form(head)


def _found_form(head: str) -> Form:
    """What a document is, by how a file begins."""
    counts = [text.strip().count("\n") + 1 for text in _blocks(iter([head])) if text.strip()]
    blocks_, lines = len(counts), sum(counts)
    if blocks_ >= FEW or (blocks_ > 1 and lines / blocks_ < LONG_BLOCK):
        return "blank_line"
    return "line" if lines >= FEW else "whole"


def _blocks(parts: Iterator[str]) -> Iterator[str]:
    """What stands between blank lines of a text that comes in parts."""
    held = ""
    while more := list(_enough(parts, len(held))):
        *blocks, held = BLANK.split("".join([held, *more]))
        yield from blocks
    yield held


def _enough(parts: Iterator[str], length: int) -> Iterator[str]:
    """So many parts that together they are no shorter: what is held is then seldom copied."""
    for part in parts:
        yield part
        length -= len(part)
        if length <= 0:
            return


def _checked(text: str, place: str) -> str:
    """Refuse what stands for a document's end, and half a character, as only JSON can have."""
    if END in text:
        raise DataError(
            f"{place}: has the character U+0000, which is kept for the end of a document. Remove "
            "it; a text in UTF-16 without a mark has it everywhere, data.encoding=utf-16-le or -be."
        )
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise DataError(
            f"{place}, character {error.start + 1}: has U+{ord(text[error.start]):04X}, half a "
            "character without its other half. Remove it."
        ) from None
    return text
