"""Sums as text, a line each. Replace `documents` by your own texts; the rest can stay.

Texts in files need no code at all: `experiment=text data.path=FILE`.
"""

from collections.abc import Iterator
from typing import Literal

from seedbed.data.text import split_documents
from seedbed.data.tokens import TokensDataModule, TokenSplits, Windows


def documents() -> Iterator[str]:
    """The documents, in any order; each is closed by an end token of its own."""
    for a in range(40):
        for b in range(40):
            yield f"{a}+{b}={a + b}"


class Documents(TokensDataModule):
    """Windows of characters over the documents, which are split 90/5/5.

    Args:
        split_seed: Fixes which document goes to which part.
        context: Characters a window, T.
        batch_size: Windows a batch, or `full`.
        windows: How training lays its windows: `shuffled`, `reordered` or `random`.
        seed: Fixes the order of the training windows.
        input_noise: Share of the input characters that training replaces by random ones.
    """

    def __init__(
        self,
        *,
        split_seed: int = 42,
        context: int = 32,
        batch_size: int | Literal["full"] = 16,
        windows: Windows = "shuffled",
        seed: int = 0,
        input_noise: float = 0.0,
    ) -> None:
        super().__init__(
            context=context,
            batch_size=batch_size,
            windows=windows,
            seed=seed,
            input_noise=input_noise,
        )
        self.split_seed = split_seed

    def load(self) -> TokenSplits:
        """Split the documents; the vocabulary is the training part's characters."""
        return split_documents(documents, seed=self.split_seed, facts={"source": "sums"})
