"""Characters and their token ids.

The vocabulary is one string: a character's id is its place in it. That is a plain type, so it goes
into a checkpoint as it stands. Trade-off: one token is one character, never a word or a byte pair.
"""

from collections.abc import Iterable, Mapping
from functools import cached_property
from typing import Any

import numpy as np

from seedbed.errors import DataError

END = "\0"
"""Ends each document; generation stops at it."""

UNKNOWN = "□"
"""Stands for every character outside the vocabulary, as it stands for a lost one in print."""


CHARACTERS = 0x110000
"""How many there are in Unicode."""


def code_points(text: str) -> np.ndarray:
    """Unicode's numbers of a text's characters, uint32 (len(text),)."""
    return np.frombuffer(text.encode("utf-32-le", "surrogatepass"), dtype="<u4")


class Vocabulary:
    """A fixed set of characters, each with an id.

    Args:
        characters: All characters, each once; position is id. Where `UNKNOWN` is among them,
            unseen characters are encoded as it; where it is not, they are an error.

    Raises:
        ValueError: If a character appears twice.
    """

    def __init__(self, characters: str) -> None:
        self.characters = characters
        self._ids = {character: index for index, character in enumerate(characters)}
        if len(self._ids) != len(characters):
            raise ValueError("a vocabulary holds each character once")

    @classmethod
    def from_text(cls, text: Iterable[str], *, special: str = "") -> "Vocabulary":
        """Sort the characters of `text`; `special` ones come first, in the order given."""
        seen = np.zeros(CHARACTERS, bool)
        for part in text:
            seen[code_points(part)] = True
        seen[code_points(special)] = False
        return cls(special + "".join(map(chr, np.flatnonzero(seen))))

    def __len__(self) -> int:
        return len(self.characters)

    def __contains__(self, character: object) -> bool:
        return character in self._ids

    @property
    def end(self) -> int | None:
        """The id of `END`; None where texts have no end."""
        return self._ids.get(END)

    def encode(self, text: str) -> np.ndarray:
        """Turn text into ids, int64 (len(text),).

        Raises:
            DataError: For a character outside a vocabulary without `UNKNOWN`.
        """
        ids: np.ndarray = self._table[code_points(text)]
        if (lacking := ids < 0).any():
            raise DataError(
                f"The character {text[int(lacking.argmax())]!r} is not among the vocabulary's "
                f"{len(self)}, which has no token for unknown ones. Leave it out."
            )
        return ids

    def lacks(self, text: str) -> str | None:
        """Say which characters of a text are unknown, each once; None where all are known."""
        unknown = " ".join(c for c in dict.fromkeys(text) if c not in self and not c.isspace())
        return (
            f"not among the {len(self):,} characters of the vocabulary: {unknown}"
            if unknown
            else None
        )

    def decode(self, ids: Iterable[int]) -> str:
        """Turn ids back into text."""
        return "".join(self.characters[i] for i in ids)

    @cached_property
    def _table(self) -> np.ndarray:
        """Each character's id; of others `UNKNOWN`'s, or -1."""
        table = np.full(CHARACTERS, self._ids.get(UNKNOWN, -1))
        table[code_points(self.characters)] = np.arange(len(self))
        return table


def vocabulary_in(checkpoint: Mapping[str, Any]) -> str | None:
    """The characters in a language model's checkpoint; None in another's."""
    states = (state for state in checkpoint.values() if isinstance(state, Mapping))
    known = next((state["vocabulary"] for state in states if "vocabulary" in state), None)
    return known if isinstance(known, str) else None
