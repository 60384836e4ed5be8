"""Characters and their token ids.

The vocabulary is one string: a character's id is its place in it. That is a plain type, so it goes
into a checkpoint as it stands. Price: one token is one character, never a word or a byte pair.
"""

from collections.abc import Iterable

import numpy as np

from seedbed.errors import DataError

END = "\0"
"""Ends each document; generation stops at it."""

UNKNOWN = "□"
"""Stands for every character outside the vocabulary, as it stands for a lost one in print."""


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
        seen: set[str] = set()
        for part in text:
            seen.update(part)
        return cls(special + "".join(sorted(seen - set(special))))

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
        if UNKNOWN in self._ids:
            unknown = self._ids[UNKNOWN]
            ids = [self._ids.get(character, unknown) for character in text]
        else:
            try:
                ids = [self._ids[character] for character in text]
            except KeyError as error:
                raise DataError(
                    f"The character {error} is not among the vocabulary's {len(self)}, which has "
                    "no token for unknown ones. Leave it out."
                ) from None
        return np.array(ids, dtype=np.int64)

    def decode(self, ids: Iterable[int]) -> str:
        """Turn ids back into text."""
        return "".join(self.characters[i] for i in ids)
