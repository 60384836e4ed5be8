"""Text from the bytes of a file, whatever the platforms write, a part at a time.

An encoding is UTF-8 unless a file's first bytes or a setting say otherwise; it is never guessed.
Lines end as Unix has them from here on, and zero-width characters, which make equal words
differ, are left out. Trade-off: what is read is not the file to the byte.
"""

import codecs
import re
from collections.abc import Iterable, Iterator
from itertools import chain
from pathlib import Path

from seedbed.errors import DataError, SettingError

BLOCK = 2**20
"""Bytes that are read together."""

MARKS = {
    codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF32_LE: "utf-32",  # before UTF-16's mark, with which it begins
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
"""How a file may begin that says its encoding."""

BYTE_ORDER_MARK = "\ufeff"

NO_WIDTH = f"\u200b\u2060{BYTE_ORDER_MARK}"
"""What is left out; the joiners of emoji and of some scripts stay."""

LINE_ENDS = "\r\u2028\u2029"
"""What else ends lines."""

LINE_END = re.compile(r"\r+\n|[\r\u2028\u2029]")


def check_encoding(name: str | None) -> None:
    """Refuse an encoding that there is not.

    Raises:
        SettingError: Naming some that there are.
    """
    try:
        "".encode(name or "utf-8")
    except (LookupError, ValueError):  # ValueError: of the one that is called undefined
        raise SettingError(
            f"data.encoding={name}: there is no such encoding of text; there are utf-16, gb18030, "
            "big5, shift_jis, cp1252 and more."
        ) from None


def encoding_of(file: Path) -> str:
    """What a file's first bytes say, or UTF-8."""
    start = next(blocks(file), b"")
    return next((name for mark, name in MARKS.items() if start.startswith(mark)), "utf-8")


def blocks(file: Path) -> Iterator[bytes]:
    """A file's bytes.

    Raises:
        DataError: If it cannot be read.
    """
    try:
        if file.exists() and not file.is_file():
            raise DataError(f"{file}: is neither a file nor a folder. Check data.path.")
        with file.open("rb") as opened:
            while block := opened.read(BLOCK):
                yield block
    except OSError as error:
        raise DataError(f"{file}: cannot be read ({error.strerror}). Check data.path.") from None


def decoded(file: Path, encoding: str | None) -> Iterator[str]:
    """A file's text as it stands there, without a mark at its start.

    Raises:
        DataError: Naming the byte that is not of the encoding, or that a mark is missing.
    """
    name = encoding or encoding_of(file)
    decoder = codecs.getincrementaldecoder(name)()
    before, begun = 0, False
    for block in chain(blocks(file), [b""]):
        try:
            text = decoder.decode(block, final=not block)
        except UnicodeError as error:
            place, reason = f"{file}", f" ({error})"
            if isinstance(error, UnicodeDecodeError):
                byte = before + len(block) - len(error.object) + error.start
                place, reason = f"{file}, byte {byte}", ""
            remedy = "Check" if encoding else "Save the file as UTF-8, or name its encoding in"
            shown = name.removesuffix("-sig").upper()
            raise DataError(f"{place}: not {shown}{reason}. {remedy} data.encoding.") from None
        yield text if begun else text.removeprefix(BYTE_ORDER_MARK)
        before, begun = before + len(block), begun or bool(text)


def text_of(file: Path, encoding: str | None) -> Iterator[str]:
    """A file's text as `cleaned` has it."""
    held = ""
    for part in decoded(file, encoding):
        text = held + part
        held = text[len(text.rstrip("\r")) :]  # which may go on in the next part
        yield cleaned(text[: len(text) - len(held)])
    yield cleaned(held)


def cleaned(text: str) -> str:
    """A text whose lines end as Unix has them, without characters of no width."""
    for character in NO_WIDTH:
        text = text.replace(character, "")
    if any(character in text for character in LINE_ENDS):
        text = LINE_END.sub("\n", text)
    return text


def lines_of(parts: Iterable[str]) -> Iterator[str]:
    """The lines of a text that comes in parts."""
    pending: list[str] = []
    for part in parts:
        first, *others = part.split("\n")
        pending.append(first)
        if others:
            yield "".join(pending)
            yield from others[:-1]
            pending = [others[-1]]
    yield "".join(pending)
