"""Poems as text: read from the collection's JSON or from a plain file, and split into tokens.

A poem is one string: its title, if it has one, then a line for each paragraph.
"""

import hashlib
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from seedbed.data.tokens import TokenSplits
from seedbed.data.vocabulary import END, UNKNOWN, Vocabulary
from seedbed.errors import DataError

Poem = dict[str, Any]
"""An entry of the collection: `title`, a string, and `paragraphs`, a list of strings."""


def read_json(content: bytes, source: str) -> list[Poem]:
    """Parse a file of the collection.

    Raises:
        DataError: Naming the line and column, or the entry, that is not as expected.
    """
    try:
        entries = json.loads(content)
    except json.JSONDecodeError as error:
        raise DataError(
            f"{source}, line {error.lineno}, column {error.colno}: not JSON ({error.msg}). "
            "Expected a list of poems, each with a title and paragraphs."
        ) from None
    except UnicodeDecodeError as error:
        raise _not_utf8(source, error) from None
    except RecursionError:
        raise DataError(f"{source}: expected a list of poems, got one nested too deep.") from None
    if not isinstance(entries, list):
        raise DataError(f"{source}: expected a list of poems, got {type(entries).__name__}.")
    for number, entry in enumerate(entries, start=1):
        paragraphs = entry.get("paragraphs") if isinstance(entry, dict) else None
        if not isinstance(paragraphs, list) or not all(isinstance(p, str) for p in paragraphs):
            raise DataError(
                f"{source}, poem {number}: expected `paragraphs`, a list of strings, "
                f"got {str(entry)[:60]}."
            )
        if not isinstance(entry.get("title") or "", str):
            raise DataError(
                f"{source}, poem {number}: expected `title`, a string, got {entry['title']!r:.60}."
            )
    return entries


def read_file(path: Path) -> tuple[list[str], str]:
    """Read anyone's corpus: JSON in the collection's form, or text with blank lines between poems.

    Returns:
        The poems, and the sha256 of the file.

    Raises:
        DataError: If the file is missing, empty or malformed; names the place.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror}). Check data.path.") from None
    if not content.strip():
        raise DataError(f"{path}: is empty. Expected poems, as JSON or as plain text.")
    if path.suffix.lower() == ".json":
        poems = [as_text(entry) for entry in read_json(content, str(path))]
    else:
        try:
            text = content.decode("utf-8-sig").replace("\r\n", "\n")
        except UnicodeDecodeError as error:
            raise _not_utf8(str(path), error) from None
        poems = [block.strip() for block in re.split(r"\n[^\S\n]*\n", text)]
    for number, poem in enumerate(poems, start=1):
        if END in poem:
            raise DataError(
                f"{path}, poem {number}: has the character U+0000, which is kept for the end of a "
                "poem. Remove it."
            )
    return [poem for poem in poems if poem], hashlib.sha256(content).hexdigest()


def as_text(poem: Poem) -> str:
    """One string a poem: the title's line, where there is one, and a line a paragraph."""
    return "\n".join([*filter(None, [poem.get("title", "")]), *poem["paragraphs"]])


def split_poems(poems: list[str], *, seed: int, facts: dict[str, Any]) -> TokenSplits:
    """Shuffle whole poems and cut them 90/5/5; the vocabulary is the training part's.

    An end token closes each poem, and a character that the training part lacks becomes the
    unknown token.

    Raises:
        DataError: If there are too few poems for three parts.
    """
    if len(poems) < 20:
        raise DataError(
            f"The corpus has {len(poems)} poems; a 90/5/5 split needs at least 20. In plain text, "
            "a blank line ends a poem."
        )
    order = np.random.default_rng(seed).permutation(len(poems))
    held_out = len(poems) // 20
    parts = {
        "val": order[:held_out],
        "test": order[held_out : 2 * held_out],
        "train": order[2 * held_out :],
    }
    train = [poems[i] for i in parts["train"]]
    vocabulary = Vocabulary.from_text(train, special=END + UNKNOWN)
    if len(vocabulary) > 2**16:
        raise DataError(f"The corpus has {len(vocabulary)} characters; at most 65,536 are stored.")
    streams = {
        # Poem by poem, because ids take four times the room of what is kept.
        name: np.concatenate([vocabulary.encode(poems[i] + END).astype(np.uint16) for i in indices])
        for name, indices in parts.items()
    }
    counts = {f"{name}_poems": len(indices) for name, indices in parts.items()}
    return TokenSplits(vocabulary=vocabulary, facts={**facts, **counts}, **streams)


def without_duplicates(poems: list[str], *, key: Callable[[str], str] = str) -> list[str]:
    """Keep the first poem of each key, so that no part holds another part's poem."""
    unique: dict[str, str] = {}
    for poem in poems:
        unique.setdefault(key(poem), poem)
    return list(unique.values())


def _not_utf8(source: str, error: UnicodeDecodeError) -> DataError:
    return DataError(f"{source}, byte {error.start}: not UTF-8. Save the file as UTF-8.")
