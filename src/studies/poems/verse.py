"""Verse from our own grammar: a corpus that needs no network and has a known lowest loss."""

from typing import ClassVar, Literal

from seedbed.data.text import split_documents
from seedbed.data.tokens import TokensDataModule, TokenSplits, Windows
from seedbed.errors import SettingError
from studies.poems import verse_grammar


class Verse(TokensDataModule):
    """Poems drawn from the grammar and split 90/5/5 by poem.

    Args:
        poems: Number of poems, all parts together.
        draw_seed: Fixes the poems and which goes to which part.
        context: Window length T.
        batch_size: Windows a batch, or `full`.
        windows: `shuffled`, `reordered` or `random`; see `TokensDataModule`.
        seed: Fixes the order of the training windows.
        input_noise: Share of the input characters that training replaces by random ones.
    """

    forms: ClassVar = {"two couplets": "春山短歌\n", "four couplets": "秋江長歌\n"}

    def __init__(
        self,
        *,
        poems: int = 20_000,
        draw_seed: int = 42,
        context: int = 256,
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
        if poems < 1:
            raise SettingError(f"data.poems={poems}: expected 1 or more.")
        self.poems = poems
        self.draw_seed = draw_seed

    def load(self) -> TokenSplits:
        """Draw the poems; their entropy in nats a character is among the facts."""
        facts = {
            "source": "drawn from a grammar",
            "entropy_per_character": round(verse_grammar.entropy_per_character(), 5),
        }
        poems = verse_grammar.poems(self.poems, self.draw_seed)
        return split_documents(poems.__iter__, seed=self.draw_seed, facts=facts, unit="poems")
