"""The DataModule of studies on text: windows over one long stream of tokens.

A window of T + 1 tokens is T inputs and, shifted by one, T targets. Training windows are laid end
to end over the stream from a random phase each epoch, so that every token is seen about once an
epoch and seldom in the same frame twice; evaluation windows are always the same ones, the last of
them shorter where the part ends. Trade-off: a document may be cut by a window's edge.

A stream may be mapped from a file that is larger than memory: nothing here makes a copy of it, or
an index of as many items.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal, cast

import numpy as np
import torch
from torch import Tensor

from seedbed.data.base import DataModule
from seedbed.data.loader import Loader, Order
from seedbed.data.vocabulary import END, UNKNOWN, Vocabulary
from seedbed.errors import DataError, SettingError

Windows = Literal["shuffled", "reordered", "random"]
"""How training windows are laid over the stream."""

Pair = tuple[Tensor, Tensor]
"""Inputs and targets of a batch's windows, both int64 (B, T)."""

IGNORED = -100
"""The target where an evaluation's last window has none, past the part's end; torch's own losses
pass over it."""

CHUNK = 2**20
"""Tokens of a stream that are looked at together."""

FEW = 20
"""Of fewer documents the lines are looked at for how they begin."""

LONGEST_WORD = 12
"""Characters of a beginning at the most, where words have no spaces between them."""

EVALUATED = 16
"""Windows a batch in validation and test where training takes all at once."""


@dataclass(frozen=True)
class TokenSplits:
    """A corpus as token streams; each part is uint16 (length,), in memory or mapped from a file."""

    vocabulary: Vocabulary
    train: np.ndarray
    val: np.ndarray
    test: np.ndarray | None
    facts: dict[str, Any] = field(default_factory=dict)
    """What the record of a run should keep: source, checksum, counts."""


class TokensDataModule(DataModule[TokenSplits]):
    """Batches of (inputs, targets) of token windows; a dataset's own class only loads and splits.

    Args:
        context: Window length T.
        batch_size: Windows a batch, B, of all processes together; `full` takes the training part at
            once (batch gradient descent), in windows laid end to end, the same each time.
        windows: `shuffled` lays windows end to end from a random phase and shuffles them, one
            epoch a pass; `reordered` does so over the documents in a new order each epoch, so that
            no net can learn which follows which; `random` draws each window's start on its own.
        evaluation_batches: Evaluate on this many random batches, drawn once; None evaluates on
            the whole part in windows laid end to end.
        seed: Fixes the order of the training windows.
        input_noise: Share of the input characters that training replaces, anew each time, by ones
            drawn from the vocabulary; targets stay right.
    """

    provided_sizes: ClassVar = ("vocabulary_size", "context")
    """The names in `sizes`, known before any data is loaded."""
    kind = "language"
    forms: ClassVar[Mapping[str, str]] = {}
    """By the name of a form that texts have, what one of it begins with; a demo offers them."""
    closing: str = END
    """The characters that close each document of the stream."""

    def __init__(
        self,
        *,
        context: int,
        batch_size: int | Literal["full"],
        windows: Windows = "shuffled",
        evaluation_batches: int | None = None,
        seed: int = 0,
        input_noise: float = 0.0,
    ) -> None:
        super().__init__(batch_size=batch_size, seed=seed)
        if context < 1:
            raise SettingError(f"data.context={context}: expected 1 or more.")
        if not 0 <= input_noise <= 1:
            raise SettingError(f"data.input_noise={input_noise}: expected a share, from 0 to 1.")
        if evaluation_batches is not None and evaluation_batches < 1:
            raise SettingError(
                f"data.evaluation_batches={evaluation_batches}: expected 1 or more, or null for "
                "the whole part."
            )
        self.context = context
        self.windows = windows
        self.evaluation_batches = evaluation_batches
        self.input_noise = input_noise
        self._beginning: str | None = None

    def check(self, splits: TokenSplits) -> None:
        """Refuse a part that does not hold one window; an evaluation's may be a shorter one."""
        for part in ("train", "val", "test"):
            stream = getattr(splits, part)
            shorter = part != "train" and self.evaluation_batches is None
            needed = 2 if shorter else self.context + 1
            if stream is not None and len(stream) < needed:
                raise DataError(
                    f"The {part} part of the corpus has {len(stream)} characters, but one window "
                    f"needs {needed}. Give a longer text or a smaller data.context."
                )

    @property
    def vocabulary(self) -> Vocabulary:
        """The characters; from a restored checkpoint where the corpus is not loaded."""
        if self._splits is None and self._restored is not None:
            return Vocabulary(self._restored["vocabulary"])
        return self.splits.vocabulary

    @property
    def sizes(self) -> dict[str, int]:
        """What a net's constructor needs to know of the data."""
        return {"vocabulary_size": len(self.vocabulary), "context": self.context}

    @property
    def counts(self) -> Tensor:
        """How often each token occurs in the training part, int64 (vocabulary size,)."""
        counts = np.zeros(len(self.vocabulary), np.int64)
        for _, chunk in _chunks(self.splits.train):
            counts += np.bincount(chunk, minlength=len(counts))
        return torch.from_numpy(counts)

    @property
    def beginning(self) -> str:
        """How most documents of the training part begin: their commonest first word or character.

        Of a restored checkpoint where the corpus is not loaded; empty if that has none.
        """
        if self._splits is None and self._restored is not None:
            return str(self._restored.get("beginning", ""))
        if self._beginning is None:
            start = self.vocabulary.decode(self.splits.train[:CHUNK])
            self._beginning = _commonest_beginning(start.split(self.closing))
        return self._beginning

    def known_prompt(self, wanted: str) -> tuple[str, str | None]:
        """A prompt that this vocabulary can begin with, and what is to be said of it.

        One that is half unknown or more is replaced by the commonest beginning, and so is any with
        an unknown character that nothing stands for.
        """
        lacking = self.vocabulary.lacks(wanted)
        if lacking is None:
            return wanted, None
        characters = {*"".join(wanted.split())}
        known = [character for character in characters if character in self.vocabulary]
        if UNKNOWN in self.vocabulary and 2 * len(known) > len(characters):
            return wanted, f"prompt {wanted.strip()!r}: {lacking}."
        instead = f"In its place {self.beginning!r}, the corpus's commonest beginning."
        return self.beginning, f"prompt {wanted.strip()!r}: {lacking}. {instead}"

    def preprocessing_state(self) -> dict[str, Any]:
        """The vocabulary, and how documents begin."""
        return {"vocabulary": self.vocabulary.characters, "beginning": self.beginning}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take over a checkpoint's; one of an earlier version does not say how documents begin."""
        if self._splits is not None and isinstance(state_dict, dict):
            state_dict = {"beginning": self.beginning} | state_dict
        super().load_state_dict(state_dict)

    def check_state(self, state: Any) -> None:
        """Check that the vocabulary is characters, each once, and the beginning a text."""
        characters = state.get("vocabulary") if isinstance(state, dict) else None
        if not isinstance(characters, str) or not characters:
            raise ValueError("of the data: expected a vocabulary")
        if not isinstance(state.get("beginning", ""), str):
            raise ValueError("of the data: expected a text's beginning")
        Vocabulary(characters)

    def difference(self, state: dict[str, Any]) -> str:
        """Say that characters have other ids."""
        return (
            "The checkpoint's vocabulary is not this corpus's: "
            f"{len(state['vocabulary'])} characters against {len(self.splits.vocabulary)}, or in "
            "another order."
        )

    def on_after_batch_transfer(self, batch: Pair, dataloader_idx: int) -> Pair:
        """Put wrong characters among a training batch's inputs, on the device they are on."""
        inputs, targets = batch
        if self.input_noise and self.trainer and self.trainer.training:
            replaced = torch.rand(inputs.shape, device=inputs.device) < self.input_noise
            drawn = torch.randint_like(inputs, len(self.vocabulary))
            inputs = torch.where(replaced, drawn, inputs)
        return inputs, targets

    def training_batches(self) -> Loader:
        """Training windows in an order that depends on the seed and the epoch."""
        stream = self.splits.train
        fitting = (len(stream) - 1) // self.context
        if self.batch_size == "full":
            size, order = fitting, _end_to_end(self.context, fitting)
        elif self.windows == "random":
            size = max(1, len(stream) // self.context)
            order = _random_windows(len(stream), self.context, size)
        else:
            size = max(1, fitting - 1)  # one window less than fits leaves room for the phase
            order = _shuffled_windows(len(stream), self.context, size)
            if self.windows == "reordered":
                order = _reordered(order, self._documents(stream), self.context)
        return self._loader(stream, order, size, train=True)

    def validation_batches(self) -> Loader:
        """The same windows of the validation part each time."""
        return self._evaluation_loader(self.splits.val)

    def test_dataloader(self) -> Loader | list[Any]:
        """The same windows of the test part; empty where the corpus has none."""
        stream = self.splits.test
        return [] if stream is None else self._evaluation_loader(stream)

    def _documents(self, stream: np.ndarray) -> np.ndarray:
        """Where each document of the stream starts, and where the last one ends."""
        if not all(character in self.vocabulary for character in self.closing):
            raise SettingError(
                f"data.windows=reordered: expected documents closed by {self.closing!r}, and this "
                "corpus has none. Take data.windows=shuffled."
            )
        closing = self.vocabulary.encode(self.closing)
        bounds = [np.array([0])]
        for start, chunk in _chunks(stream, overlap=len(closing) - 1):
            last = max(len(chunk) - len(closing) + 1, 0)
            closes = np.all(
                [chunk[i : last + i] == token for i, token in enumerate(closing)], axis=0
            )
            bounds.append(start + len(closing) + np.flatnonzero(closes))
        return np.unique(np.concatenate([*bounds, [len(stream)]]))

    def _evaluation_loader(self, stream: np.ndarray) -> Loader:
        if self.evaluation_batches is None:
            size = -(-(len(stream) - 1) // self.context)  # the last one may be shorter
            order = _end_to_end(self.context, size)
        else:
            size = self.evaluation_batches * self._windows_a_batch
            starts = _random_windows(len(stream), self.context, size)(
                torch.Generator().manual_seed(0)
            )
            order = lambda _: starts  # noqa: E731
        return self._loader(stream, order, size)

    def _loader(
        self, stream: np.ndarray, order: Order, size: int, *, train: bool = False
    ) -> Loader:
        offsets = np.arange(self.context + 1)

        def windows(indices: Tensor) -> Pair:
            places = indices.numpy()
            if places.ndim == 1:  # of the windows' first tokens only
                places = places[:, None] + offsets
            over = places[-1, -1] >= len(stream)  # as only an evaluation's last window is
            window = stream[np.minimum(places, len(stream) - 1) if over else places]  # (B, T + 1)
            tokens = torch.from_numpy(window.astype(np.int64))
            inputs, targets = tokens[:, :-1], tokens[:, 1:]
            if over:
                beyond = torch.from_numpy(places[:, 1:] >= len(stream))
                targets = targets.masked_fill(beyond, IGNORED)
            return inputs, targets

        full = train and self.batch_size == "full"
        batch_size = size if full else self._windows_a_batch
        drop_last = train and size >= batch_size
        return self.batches(windows, order, size=size, batch_size=batch_size, drop_last=drop_last)

    @property
    def _windows_a_batch(self) -> int:
        return EVALUATED if self.batch_size == "full" else int(self.batch_size)


def _end_to_end(context: int, size: int) -> Order:
    """Starts `context` apart, from the first token on."""
    return lambda _: context * torch.arange(size)


def _random_windows(length: int, context: int, size: int) -> Order:
    """`size` starts, each drawn on its own, with repeats."""
    return lambda generator: torch.randint(length - context, (size,), generator=generator)


def _shuffled_windows(length: int, context: int, size: int) -> Order:
    """Starts `context` apart from a random phase, in random order."""
    spare = length - 1 - size * context

    def order(generator: torch.Generator) -> Tensor:
        phase = torch.randint(spare + 1, (), generator=generator)
        return torch.randperm(size, generator=generator).mul_(context).add_(phase)

    return order


def _reordered(order: Order, bounds: np.ndarray, context: int) -> Order:
    """The windows that `order` starts, over the documents between `bounds` in a new order."""

    def places(generator: torch.Generator) -> _Moved:
        new = torch.randperm(len(bounds) - 1, generator=generator).numpy()
        return _Moved(cast(Tensor, order(generator)), bounds, new, context)

    return places


class _Moved:
    """The places in the stream of the tokens of windows, found a batch at a time.

    Args:
        starts: Where the windows start in the documents' new order.
        bounds: Where the documents start in the stream, and where the last one ends.
        new: The documents in their new order.
        context: The windows' length T.
    """

    def __init__(self, starts: Tensor, bounds: np.ndarray, new: np.ndarray, context: int) -> None:
        self._starts = starts.numpy()
        self._ends = np.diff(bounds)[new].cumsum()
        self._moved = bounds[1:][new] - self._ends  # from the new place to the one in the stream
        self._offsets = np.arange(context + 1)

    def __getitem__(self, windows: slice) -> Tensor:
        """The places (B, T + 1)."""
        places = self._starts[windows, None] + self._offsets
        document = np.searchsorted(self._ends, places, side="right")
        return torch.from_numpy(places + self._moved[document])


def _commonest_beginning(documents: list[str]) -> str:
    """The first word of most, or of most lines where there are few; else the first character."""
    if len(documents) < FEW:
        documents = [line for text in documents for line in text.split("\n")]
    words = [text.split(maxsplit=1)[0][:LONGEST_WORD] for text in documents if text.strip()]
    for beginnings in (words, [word[0] for word in words]):
        for beginning, count in Counter(beginnings).most_common(1):
            if count > 1:
                return beginning
    return "".join(words[:1])


def _chunks(stream: np.ndarray, *, overlap: int = 0) -> Iterator[tuple[int, np.ndarray]]:
    """Parts of a stream, with the place of each; each holds the first ones of the next too."""
    for start in range(0, len(stream), CHUNK):
        yield start, stream[start : start + CHUNK + overlap]
