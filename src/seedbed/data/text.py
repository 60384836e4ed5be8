"""Any text of the user's: read, split into parts and made into tokens in a stream.

A document goes to one part as a whole, and equal ones are one. A small corpus is kept in memory; a
large one is made into files once, which are mapped: neither it nor an index of its tokens is ever
in memory. Trade-off: it is read four times, and its tokens are on the disk beside it.
"""

import hashlib
import os
from collections.abc import Callable, Iterator, Mapping
from itertools import compress, pairwise
from pathlib import Path
from typing import Any, Literal

import numpy as np

from seedbed.data import cache
from seedbed.data.documents import FEW, Corpus, Form
from seedbed.data.tokens import TokensDataModule, TokenSplits, Windows
from seedbed.data.vocabulary import END, UNKNOWN, Vocabulary, vocabulary_in
from seedbed.errors import DataError
from seedbed.record.checkpoint import checkpoint_at, load

Documents = Callable[[], Iterator[str]]
"""A corpus's documents, from the first one each time it is called."""

PARTS = ("train", "val", "test")

SMALL = 2**26
"""Bytes of files up to which their tokens are kept in memory, and made anew by each run."""


class Text(TokensDataModule):
    """A text of one's own, split 90/5/5 by document, duplicates removed first.

    Fewer than twenty documents are cut by character, in their order.

    Args:
        data_dir: Where the tokens of a large corpus are kept.
        path: A file of plain text, JSON or JSON Lines, or a folder of such.
        encoding: The files' encoding; None is what their first bytes say, else UTF-8.
        documents: What a document of plain text is: a `line`, what stands between lines that are
            blank (`blank_line`), or a `whole` file; None detects it.
        field: The field of JSON entries that has the text; None knows the usual ones.
        vocabulary: A run of text whose characters keep their ids here; new ones come after them.
        split_seed: Fixes which document goes to which part.
        context: Window length T.
        batch_size: Windows a batch, or `full`.
        windows: `shuffled`, `reordered` or `random`; see `TokensDataModule`.
        seed: Fixes the order of the training windows.
        input_noise: Share of the input characters that training replaces by random ones.

    Raises:
        SettingError: If there is no such encoding.
    """

    def __init__(
        self,
        *,
        data_dir: str,
        path: str,
        encoding: str | None = None,
        documents: Form | None = None,
        field: str | None = None,
        vocabulary: str | None = None,
        split_seed: int = 42,
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
        self.data_dir = Path(data_dir).expanduser()
        self.corpus = Corpus(Path(path).expanduser(), encoding, documents, field)
        self.other_run = vocabulary
        self.split_seed = split_seed

    def load(self) -> TokenSplits:
        """Return the tokens; of a large corpus from the cache, where they were made before."""
        corpus, first = self.corpus, self.first_characters()
        facts = {
            "source": str(corpus.path),
            "read_as": corpus.read_as,
            "sha256": corpus.checksum(),
        }

        def made(folder: Path | None = None) -> TokenSplits:
            if corpus.is_whole:
                return split_texts(corpus.texts, facts=facts, first=first, folder=folder)
            unique = without_duplicates(corpus.documents)
            return split_documents(
                unique, seed=self.split_seed, facts=facts, first=first, folder=folder
            )

        if corpus.size <= SMALL:
            return made()
        ways = (corpus.encoding, corpus.form, corpus.field, first, self.split_seed)
        key = hashlib.sha256(repr([*facts.values(), *ways]).encode()).hexdigest()
        return cache.tokens(self.data_dir, f"text-{key[:24]}", made)

    def first_characters(self) -> str:
        """The vocabulary that this one's begins with: of a restored checkpoint, or the other run's.

        Raises:
            DataError: If that is no run of text.
        """
        if self._restored is not None:
            return str(self._restored["vocabulary"])
        if self.other_run is None:
            return ""
        path = checkpoint_at(Path(self.other_run).expanduser())
        known = vocabulary_in(load(path)) if path.is_file() else None
        if known is None:
            raise DataError(
                f"data.vocabulary={self.other_run}: expected the directory or a checkpoint of a "
                f"run of text; {f'{path} has no vocabulary' if path.exists() else f'no {path}'}."
            )
        return known


def split_documents(
    documents: Documents,
    *,
    seed: int,
    facts: Mapping[str, Any],
    unit: str = "documents",
    first: str = "",
    folder: Path | None = None,
) -> TokenSplits:
    """Shuffle whole documents and cut them 90/5/5; the vocabulary is the training part's.

    An end token closes each document, and a character that the training part lacks becomes the
    unknown token. Fewer than twenty documents are cut as one text.

    Args:
        documents: The documents.
        seed: Fixes which document goes to which part.
        facts: What the record of a run should keep.
        unit: What the record calls the documents.
        first: Characters that begin the vocabulary, in this order.
        folder: Where the tokens are written to files; None keeps them in memory.

    Raises:
        DataError: If there are more characters than tokens can number.
    """
    lengths = np.fromiter((len(text) + len(END) for text in documents()), np.int64)
    if len(lengths) < FEW:
        closed = lambda: (text + END for text in documents())  # noqa: E731
        return split_texts(closed, facts=facts, first=first, folder=folder)
    order = np.random.default_rng(seed).permutation(len(lengths))
    held_out = len(lengths) // 20
    places = np.split(order, [held_out, 2 * held_out])  # of val, test and train
    part_of, starts = np.empty(len(lengths), np.uint8), np.empty(len(lengths), np.int64)
    for number, indices in zip((1, 2, 0), places, strict=True):
        part_of[indices] = number
        starts[indices] = lengths[indices].cumsum() - lengths[indices]
    vocabulary = _vocabulary(compress(documents(), part_of == 0), first)
    sizes = [int(lengths[part_of == part].sum()) for part in range(len(PARTS))]
    streams = [_room(*each, folder) for each in zip(PARTS, sizes, strict=True)]
    for text, part, start in zip(documents(), part_of, starts, strict=True):
        ids = vocabulary.encode(text + END)
        streams[part][start : start + len(ids)] = ids
    counts = {f"{PARTS[part]}_{unit}": len(i) for part, i in zip((1, 2, 0), places, strict=True)}
    train, val, test = streams
    return TokenSplits(vocabulary, train, val, test, {**facts, **counts})


def split_texts(
    texts: Documents, *, facts: Mapping[str, Any], first: str = "", folder: Path | None = None
) -> TokenSplits:
    """Cut a text that comes in parts 90/5/5, by character; else as `split_documents`."""
    length = sum(map(len, texts()))
    held_out = length // 20
    bounds = [0, length - 2 * held_out, length - held_out, length]
    vocabulary = _vocabulary(_begin(texts(), bounds[1]), first)
    streams = [
        _room(part, end - start, folder)
        for part, (start, end) in zip(PARTS, pairwise(bounds), strict=True)
    ]
    place = 0
    for text in texts():
        ids = vocabulary.encode(text)
        for stream, (start, end) in zip(streams, pairwise(bounds), strict=True):
            here = ids[max(start - place, 0) : max(end - place, 0)]
            stream[max(place - start, 0) :][: len(here)] = here
        place += len(ids)
    counts = {f"{part}_characters": len(s) for part, s in zip(PARTS, streams, strict=True)}
    train, val, test = streams
    return TokenSplits(vocabulary, train, val, test, {**facts, "cut": "cut by character", **counts})


def without_duplicates(documents: Documents, *, key: Callable[[str], str] = str) -> Documents:
    """Keep the first document of each key, so that no part holds another part's document.

    Keys are compared by 64 bits of a hash, because all of them may not fit in memory.
    """
    hashes = np.fromiter((_hash(key(text)) for text in documents()), np.uint64)
    kept = np.zeros(len(hashes), bool)
    kept[np.unique(hashes, return_index=True)[1]] = True
    return lambda: compress(documents(), kept)


def _hash(text: str) -> int:
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest())


def _vocabulary(texts: Iterator[str], first: str) -> Vocabulary:
    special = first + "".join(character for character in END + UNKNOWN if character not in first)
    vocabulary = Vocabulary.from_text(texts, special=special)
    if len(vocabulary) > 2**16:
        raise DataError(f"The corpus has {len(vocabulary)} characters; at most 65,536 are stored.")
    return vocabulary


def _begin(texts: Iterator[str], length: int) -> Iterator[str]:
    """So many characters of the first texts."""
    for text in texts:
        yield text[:length]
        length -= min(length, len(text))


def _room(part: str, length: int, folder: Path | None) -> np.ndarray:
    """A part's stream, to be filled."""
    if folder is None:
        return np.empty(length, np.uint16)
    path = cache.stream_file(folder, part)
    stream = np.lib.format.open_memmap(path, mode="w+", dtype=np.uint16, shape=(length,))
    if hasattr(os, "posix_fallocate"):
        with path.open("r+b") as file:  # on a full disk to write to the map would be a fault
            os.posix_fallocate(file.fileno(), 0, path.stat().st_size)
    return stream
