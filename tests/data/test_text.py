"""A corpus of documents, or of a few texts, cut into parts and made into tokens."""

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from seedbed.data.loader import Loader
from seedbed.data.text import Text, split_documents, split_texts, without_duplicates
from seedbed.data.tokens import TokenSplits
from seedbed.data.vocabulary import END, UNKNOWN
from seedbed.errors import DataError

# --- splitting ------------------------------------------------------------------------------------


NUMBERED = [f"text {number}" for number in range(200)]
LETTERS = [chr(ord("一") + number) * 3 for number in range(100)]


def split(documents: list[str], seed: int = 0, **options: Any) -> TokenSplits:
    return split_documents(documents.__iter__, seed=seed, facts={}, **options)


def texts(splits: TokenSplits) -> dict[str, list[str]]:
    """Return each part's poems, which have to be closed by `END`."""
    found = {}
    for part in ("train", "val", "test"):
        text = splits.vocabulary.decode(getattr(splits, part))
        *found[part], after_the_last_end = text.split(END)
        assert after_the_last_end == ""
    return found


def same(one: TokenSplits, other: TokenSplits) -> bool:
    return all(
        np.array_equal(getattr(one, part), getattr(other, part))
        for part in ("train", "val", "test")
    )


def test_every_poem_is_in_exactly_one_part() -> None:
    parts = texts(split(NUMBERED))
    assert sorted(poem for part in parts.values() for poem in part) == sorted(NUMBERED)


@pytest.mark.parametrize(
    ("count", "lengths"), [(20, [18, 1, 1]), (59, [55, 2, 2]), (200, [180, 10, 10])]
)
def test_parts_are_90_5_and_5_percent_of_the_poems(count: int, lengths: list[int]) -> None:
    splits = split(NUMBERED[:count])
    assert [len(part) for part in texts(splits).values()] == lengths
    assert [splits.facts[f"{part}_documents"] for part in ("train", "val", "test")] == lengths


def test_poems_are_shuffled_before_the_cut() -> None:
    assert texts(split(NUMBERED))["train"] != NUMBERED[:180]


def test_same_seed_gives_the_same_split() -> None:
    assert same(split(NUMBERED, seed=1), split(NUMBERED, seed=1))


def test_another_seed_gives_another_split() -> None:
    assert set(texts(split(NUMBERED, seed=1))["val"]) != set(texts(split(NUMBERED, seed=2))["val"])


def test_tokens_are_stored_as_uint16() -> None:
    splits = split(NUMBERED)
    assert splits.train.dtype == splits.val.dtype == np.uint16


def test_vocabulary_is_the_training_parts_after_the_special_tokens() -> None:
    splits = split(LETTERS)
    assert splits.vocabulary.characters == END + UNKNOWN + "".join(
        sorted(set("".join(texts(splits)["train"])))
    )
    assert len(splits.vocabulary) == 2 + 90


@pytest.mark.parametrize("part", ["val", "test"])
def test_character_that_training_lacks_becomes_the_unknown_token(part: str) -> None:
    assert texts(split(LETTERS))[part] == [UNKNOWN * 3] * 5


def test_facts_are_kept_beside_the_counts() -> None:
    splits = split_documents(NUMBERED.__iter__, seed=0, facts={"source": "numbers"}, unit="notes")
    counts = {"train_notes": 180, "val_notes": 10, "test_notes": 10}
    assert splits.facts == {"source": "numbers", **counts}


def test_vocabulary_can_begin_with_anothers() -> None:
    first = "x" + UNKNOWN + LETTERS[0][0]
    splits = split(LETTERS, first=first)
    assert splits.vocabulary.characters.startswith(first + END)
    assert set(splits.vocabulary.characters) == {*first, *split(LETTERS).vocabulary.characters}
    assert {part: sorted(found) for part, found in texts(splits).items() if part == "train"} == {
        "train": sorted(texts(split(LETTERS))["train"])
    }


@pytest.mark.parametrize("count", [1, 19])
def test_fewer_than_twenty_documents_are_cut_by_character_in_their_order(count: int) -> None:
    splits = split(NUMBERED[:count])
    whole = "".join(text + END for text in NUMBERED[:count])
    streams = [splits.train, splits.val, splits.test]
    assert "".join(splits.vocabulary.decode(s) for s in streams).replace(UNKNOWN, "") in whole
    assert sum(map(len, streams)) == len(whole)
    assert len(splits.val) == len(whole) // 20
    assert splits.facts["cut"] == "cut by character"


def test_text_in_parts_is_cut_as_the_whole_is() -> None:
    whole = "".join(NUMBERED)
    expected = split_texts(lambda: iter([whole]), facts={})
    for size in (1, 7, 500):
        parts = [whole[i : i + size] for i in range(0, len(whole), size)]
        assert same(split_texts(parts.__iter__, facts={}), expected)


def test_corpus_without_documents_has_no_tokens() -> None:
    assert len(split([]).train) == 0


def test_more_characters_than_uint16_counts_are_refused() -> None:
    characters = "".join(map(chr, range(0x10000, 0x23000)))
    with pytest.raises(DataError, match=r"at most 65,536 are stored"):
        split([characters[number::20] for number in range(20)])


# --- duplicates -----------------------------------------------------------------------------------


def unique(documents: list[str], **options: Any) -> list[str]:
    return [*without_duplicates(documents.__iter__, **options)()]


def test_first_of_equal_documents_stays_in_its_place() -> None:
    assert unique(["b", "a", "b", "c", "a"]) == ["b", "a", "c"]


def test_first_document_of_a_key_stays() -> None:
    texts = ["one\nsame", "two\nsame", "three\nother"]
    kept = unique(texts, key=lambda text: text.split("\n")[1])
    assert kept == ["one\nsame", "three\nother"]


# --- a text of one's own --------------------------------------------------------------------------


def load(path: Path, data_dir: str = "nowhere", **options: Any) -> TokenSplits:
    return Text(data_dir=str(path.parent / data_dir), path=str(path), context=8, **options).splits


@pytest.fixture
def path(tmp_path: Path) -> Path:
    found = tmp_path / "mine.txt"
    found.write_text("\n\n".join([*NUMBERED, *NUMBERED[:5]]), encoding="utf-8")
    return found


def test_small_corpus_is_split_without_duplicates_and_leaves_nothing_on_the_disk(
    path: Path,
) -> None:
    splits = load(path)
    assert sorted(text for part in texts(splits).values() for text in part) == sorted(NUMBERED)
    assert splits.facts["train_documents"] == 180
    assert [*path.parent.iterdir()] == [path]


def test_record_says_what_was_read_and_how(path: Path) -> None:
    facts = load(path).facts
    assert facts["source"] == str(path)
    assert facts["read_as"] == "read as UTF-8 text, a blank line between documents"
    assert facts["sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.mark.parametrize("form", ["blank_line", "whole"])
def test_large_corpus_is_mapped_from_files_that_are_made_once(
    path: Path, form: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = load(path, documents=form)
    monkeypatch.setattr("seedbed.data.text.SMALL", 100)
    assert same(load(path, "cache", documents=form), expected)
    made = []
    monkeypatch.setattr("seedbed.data.text.split_documents", lambda *_, **__: made.append(1))
    monkeypatch.setattr("seedbed.data.text.split_texts", lambda *_, **__: made.append(1))
    again = load(path, "cache", documents=form)
    assert same(again, expected)
    assert again.facts == expected.facts
    assert not made
    assert not again.train.flags.writeable


def test_large_corpus_that_changed_or_is_read_otherwise_is_made_again(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("seedbed.data.text.SMALL", 100)
    load(path, "cache")
    assert "cut" in load(path, "cache", documents="whole").facts
    assert not same(load(path, "cache", split_seed=1), load(path, "cache"))
    path.write_text("\n\n".join(NUMBERED[:40]), encoding="utf-8")
    assert load(path, "cache").facts["train_documents"] == 36


@pytest.mark.parametrize("windows", ["shuffled", "reordered", "random"])
def test_mapped_corpus_gives_the_batches_that_one_in_memory_does(
    path: Path, windows: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def batches(size: int) -> list[Any]:
        monkeypatch.setattr("seedbed.data.text.SMALL", size)
        data = Text(data_dir=str(path.parent), path=str(path), context=8, windows=windows)
        loaders = (data.train_dataloader(), data.val_dataloader(), data.test_dataloader())
        return [tokens for loader in loaders for batch in loader for tokens in batch]

    mapped, in_memory = batches(0), batches(10**6)
    assert all(torch.equal(*pair) for pair in zip(mapped, in_memory, strict=True))


@pytest.mark.parametrize("windows", ["shuffled", "reordered", "random"])
def test_mapped_corpus_goes_on_at_the_batch_that_was_next(
    path: Path, windows: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("seedbed.data.text.SMALL", 0)

    def loader() -> Loader:
        data = Text(data_dir=str(path.parent), path=str(path), context=8, windows=windows)
        return data.train_dataloader()

    cut, whole = loader(), [*loader()]
    begun = iter(cut)
    seen = [next(begun) for _ in range(2)]
    resumed = loader()
    resumed.load_state_dict(cut.state_dict())
    assert len(whole) > 2
    for one, other in zip([*seen, *resumed], whole, strict=True):
        assert all(map(torch.equal, one, other))
