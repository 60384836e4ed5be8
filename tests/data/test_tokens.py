"""Windows over streams that count upwards, so that a token is its own place in the stream."""

from itertools import pairwise
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from seedbed.data.loader import Loader
from seedbed.data.tokens import EVALUATED, IGNORED, Pair, TokensDataModule, TokenSplits
from seedbed.data.vocabulary import END, Vocabulary
from seedbed.errors import DataError, SettingError

T = 4


class Counting(TokensDataModule):
    """Parts of the given lengths, each 0, 1, 2, …"""

    closing = "秋夏"  # ids that fall, so never in this stream

    def __init__(
        self,
        train: int = 103,
        val: int = 50,
        test: int | None = 30,
        *,
        characters: str = "春夏秋",
        **options: Any,
    ) -> None:
        super().__init__(**{"context": T, "batch_size": 3, **options})
        self.lengths = train, val, test
        self.characters = characters

    def load(self) -> TokenSplits:
        train, val, test = (
            None if length is None else np.arange(length, dtype=np.uint16)
            for length in self.lengths
        )
        assert train is not None
        assert val is not None
        return TokenSplits(Vocabulary(self.characters), train, val, test, {"source": "counted"})


class Documents(TokensDataModule):
    """Twenty documents, 2 to 6 characters each and all of them different, each closed."""

    def __init__(self, closing: str = END, **options: Any) -> None:
        super().__init__(**{"context": T, "batch_size": 1, "windows": "reordered", **options})
        self.closing = closing
        self.documents = [
            "".join(chr(0x4E00 + 10 * number + i) for i in range(2 + number % 5)) + closing
            for number in range(20)
        ]

    def load(self) -> TokenSplits:
        vocabulary = Vocabulary.from_text([*self.documents, END])
        stream = vocabulary.encode("".join(self.documents)).astype(np.uint16)
        return TokenSplits(vocabulary, stream, stream, stream)

    def epoch(self, loader: Loader) -> list[str]:
        """The windows of an epoch as text."""
        return [self.vocabulary.decode(row.tolist()) for row in all_windows(loader)]


def spoken(*texts: str) -> Documents:
    data = Documents()
    data.documents = [text + END for text in texts]
    return data


def in_process(data: Counting, rank: int, processes: int) -> Counting:
    trainer: Any = SimpleNamespace(world_size=processes, global_rank=rank)
    data.trainer = trainer
    return data


def window(batch: Pair) -> Tensor:
    """The windows (B, T + 1) that a batch's inputs and targets were made of."""
    inputs, targets = batch
    there = targets[:, :-1] != IGNORED
    assert torch.equal(inputs[:, 1:][there], targets[:, :-1][there])
    return torch.cat([inputs, targets[:, -1:]], dim=1)


def all_windows(loader: Loader | list[Any]) -> Tensor:
    return torch.cat([window(batch) for batch in loader])  # (windows, T + 1)


def starts(loader: Loader) -> list[int]:
    return all_windows(loader)[:, 0].tolist()


# --- training windows -----------------------------------------------------------------------------


@pytest.mark.parametrize("windows", ["shuffled", "reordered", "random"])
def test_batches_are_int64_windows_that_occur_in_the_stream(windows: str) -> None:
    for batch in Counting(windows=windows).train_dataloader():
        tokens = window(batch)
        assert tokens.dtype == torch.int64
        assert tokens.shape == (3, T + 1)
        assert torch.equal(tokens, tokens[:, :1] + torch.arange(T + 1))
        assert tokens.max() < 103


@pytest.mark.parametrize("windows", ["shuffled", "reordered", "random"])
def test_targets_are_the_inputs_next_tokens(windows: str) -> None:
    for inputs, targets in Counting(windows=windows).train_dataloader():
        assert inputs.shape == (3, T)
        assert torch.equal(targets, inputs + 1)


def test_shuffled_windows_stand_a_context_apart() -> None:
    loader = Counting().train_dataloader()
    for _ in range(5):
        in_stream_order = sorted(starts(loader))
        assert {after - before for before, after in pairwise(in_stream_order)} == {T}


def test_shuffled_windows_are_not_in_the_streams_order() -> None:
    drawn = starts(Counting().train_dataloader())
    assert drawn != sorted(drawn)


@pytest.mark.parametrize("length", [5, 6, 8, 9, 12, 13, 101, 102, 103, 104])
def test_shuffled_windows_leave_less_than_two_windows_of_targets_out(length: int) -> None:
    loader = Counting(length, batch_size=1).train_dataloader()
    for _ in range(5):
        targets = all_windows(loader)[:, 1:].flatten().tolist()
        assert len(set(targets)) == len(targets)
        assert length - 1 - len(targets) < 2 * T


def test_phases_differ_between_epochs() -> None:
    loader = Counting().train_dataloader()
    assert len({starts(loader)[0] % T for _ in range(10)}) == T


def test_every_token_is_a_target_in_some_epoch() -> None:
    loader = Counting(23, batch_size=1).train_dataloader()
    seen = {token for _ in range(50) for token in all_windows(loader)[:, 1:].flatten().tolist()}
    assert seen == set(range(1, 23))


def test_random_windows_start_anywhere() -> None:
    loader = Counting(13, batch_size=1, windows="random").train_dataloader()
    assert {start for _ in range(50) for start in starts(loader)} == set(range(13 - T))


def test_random_windows_are_drawn_with_repeats() -> None:
    drawn = starts(Counting(1003, windows="random").train_dataloader())
    assert len(set(drawn)) < len(drawn)


@pytest.mark.parametrize("closing", [END, "\n\n"])
def test_reordered_windows_hold_documents_as_they_are_one_after_another(closing: str) -> None:
    data = Documents(closing)
    loader = data.train_dataloader()
    within = {pair for document in data.documents for pair in pairwise(document)}
    between = {(closing[-1], document[0]) for document in data.documents}
    for _ in range(5):
        pairs = [pair for text in data.epoch(loader) for pair in pairwise(text)]
        assert set(pairs) <= within | between
        characters = [after for _, after in pairs if after not in closing]
        assert len(set(characters)) == len(characters)  # none is a target twice
        assert len(data.splits.train) - 1 - len(pairs) < 2 * T


def test_documents_are_reordered_anew_each_epoch() -> None:
    data = Documents(context=8)
    loader = data.train_dataloader()
    neighbours = [
        {
            (text[i - 1], text[i + 1])
            for text in data.epoch(loader)
            for i in range(1, 8)
            if text[i] == END
        }
        for _ in range(3)
    ]
    assert len(set.union(*neighbours)) > 2 * max(map(len, neighbours))


def test_reordered_epoch_goes_on_with_the_very_window_it_lost() -> None:
    data = Documents()
    loader = data.train_dataloader()
    whole = [data.epoch(loader), data.epoch(loader)][-1]
    interrupted = data.train_dataloader()
    data.epoch(interrupted)
    windows = iter(interrupted)
    begun = [data.vocabulary.decode(window(next(windows))[0].tolist()) for _ in range(3)]
    resumed = Documents()
    loader = resumed.train_dataloader()
    loader.load_state_dict(interrupted.state_dict())
    assert begun + resumed.epoch(loader) == whole


def test_corpus_that_cannot_close_a_document_is_not_reordered() -> None:
    message = r"data\.windows=reordered: expected documents closed by '\\x00'"
    data = Counting(windows="reordered")
    data.closing = END
    with pytest.raises(SettingError, match=message):
        data.train_dataloader()


def test_documents_are_found_across_the_parts_that_are_looked_at_together(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    whole = Documents("\n\n")
    expected = whole.epoch(whole.train_dataloader())
    monkeypatch.setattr("seedbed.data.tokens.CHUNK", 5)
    parted = Documents("\n\n")
    assert parted.epoch(parted.train_dataloader()) == expected
    assert torch.equal(parted.counts, whole.counts)


def test_text_without_a_closing_is_one_document() -> None:
    data = Counting(windows="reordered")
    in_stream_order = sorted(starts(data.train_dataloader()))
    assert {after - before for before, after in pairwise(in_stream_order)} == {T}


@pytest.mark.parametrize("windows", ["shuffled", "reordered", "random"])
def test_seed_fixes_the_order_of_the_windows(windows: str) -> None:
    first, again, other = (
        starts(Counting(windows=windows, seed=seed).train_dataloader()) for seed in (0, 0, 1)
    )
    assert first == again
    assert first != other


def test_training_batches_are_all_full() -> None:
    sizes = [len(inputs) for inputs, _ in Counting(4 * T * 3 + 2 * T).train_dataloader()]
    assert sizes == [3, 3, 3, 3]


@pytest.mark.parametrize("windows", ["shuffled", "reordered", "random"])
def test_stream_of_a_single_window_is_one_smaller_batch(windows: str) -> None:
    [batch] = Counting(T + 1, windows=windows).train_dataloader()
    assert window(batch).tolist() == [[0, 1, 2, 3, 4]]


def test_two_processes_share_each_batch() -> None:
    parts = [in_process(Counting(5 * T + 1), rank, 2) for rank in range(2)]
    first, second = (starts(data.train_dataloader()) for data in parts)
    assert [len(first), len(second)] == [2, 1]
    assert set(first).isdisjoint(second)


# --- the full batch -------------------------------------------------------------------------------


@pytest.mark.parametrize("windows", ["shuffled", "reordered", "random"])
def test_full_batch_is_the_whole_part_end_to_end_and_the_same_each_epoch(windows: str) -> None:
    loader = Counting(103, batch_size="full", windows=windows).train_dataloader()
    for _ in range(2):
        [batch] = loader
        assert window(batch)[:, 1:].flatten().tolist() == list(range(1, 102 // T * T + 1))


def test_two_processes_share_the_full_batch() -> None:
    parts = [in_process(Counting(103, batch_size="full"), rank, 2) for rank in range(2)]
    first, second = (starts(data.train_dataloader()) for data in parts)
    assert sorted([*first, *second]) == [T * number for number in range(102 // T)]


def test_full_batch_evaluates_the_windows_that_others_do() -> None:
    full, usual = (Counting(val=100 * T, batch_size=size) for size in ("full", 3))
    assert torch.equal(*(all_windows(data.val_dataloader()) for data in (full, usual)))


def test_full_batch_evaluates_a_few_windows_at_a_time() -> None:
    drawn = list(Counting(batch_size="full", evaluation_batches=7).val_dataloader())
    assert [inputs.shape for inputs, _ in drawn] == [(EVALUATED, T)] * 7


@pytest.mark.parametrize("batch_size", [0, -1])
def test_batch_of_nothing_is_refused(batch_size: int) -> None:
    message = rf"data\.batch_size={batch_size}: expected 1 or more, or full"
    with pytest.raises(SettingError, match=message):
        Counting(batch_size=batch_size)


# --- evaluation windows ---------------------------------------------------------------------------


def test_evaluation_windows_are_the_same_each_time() -> None:
    data = Counting()
    loader = data.val_dataloader()
    first = all_windows(loader)
    assert torch.equal(all_windows(loader), first)
    assert torch.equal(all_windows(data.val_dataloader()), first)


@pytest.mark.parametrize("length", [2, 4, 5, 8, 9, 50])
def test_evaluation_windows_hold_each_target_once_end_to_end(length: int) -> None:
    targets = torch.cat([targets.flatten() for _, targets in Counting(val=length).val_dataloader()])
    assert targets[targets != IGNORED].tolist() == list(range(1, length))


def test_windows_past_the_parts_end_repeat_its_last_token_as_inputs() -> None:
    *_, (inputs, targets) = Counting(val=T + 2).val_dataloader()
    assert inputs.tolist() == [[0, 1, 2, 3], [4, 5, 5, 5]]
    assert targets.tolist() == [[1, 2, 3, 4], [5, IGNORED, IGNORED, IGNORED]]


def test_two_processes_measure_each_target_once() -> None:
    parts = [in_process(Counting(val=3 * T + 3), rank, 2) for rank in range(2)]
    targets = torch.cat([t.flatten() for data in parts for _, t in data.val_dataloader()])
    assert sorted(targets[targets != IGNORED].tolist()) == [*range(1, 3 * T + 3)]


@pytest.mark.parametrize("batches", [1, 7])
def test_evaluation_batches_gives_so_many_full_batches(batches: int) -> None:
    drawn = list(Counting(evaluation_batches=batches).val_dataloader())
    assert [inputs.shape for inputs, _ in drawn] == [(3, T)] * batches


def test_evaluation_batches_are_the_same_each_time_whatever_the_seed() -> None:
    data = Counting(evaluation_batches=5, seed=0)
    loader = data.val_dataloader()
    first = all_windows(loader)
    assert torch.equal(all_windows(loader), first)
    assert torch.equal(all_windows(data.val_dataloader()), first)
    assert torch.equal(all_windows(Counting(evaluation_batches=5, seed=1).val_dataloader()), first)


def test_evaluation_batches_occur_in_the_stream() -> None:
    windows = all_windows(Counting(evaluation_batches=50).val_dataloader())
    assert torch.equal(windows, windows[:, :1] + torch.arange(T + 1))
    assert windows.max() < 50


def test_corpus_without_a_test_part_gives_no_test_batches() -> None:
    assert list(Counting(test=None).test_dataloader()) == []


def test_test_windows_come_from_the_test_part() -> None:
    assert all_windows(Counting(test=2 * T + 1).test_dataloader()).tolist() == [
        [0, 1, 2, 3, 4],
        [4, 5, 6, 7, 8],
    ]


# --- the corpus -----------------------------------------------------------------------------------


def test_training_part_shorter_than_a_window_is_named_with_both_lengths() -> None:
    with pytest.raises(DataError, match=r"The train part .* has 4 characters, .* needs 5\."):
        Counting(T).setup()


@pytest.mark.parametrize("part", ["val", "test"])
def test_part_without_a_target_is_named_with_both_lengths(part: str) -> None:
    lengths: Any = {part: 1}
    with pytest.raises(DataError, match=f"The {part} part .* has 1 characters, .* needs 2\\."):
        Counting(**lengths).setup()


@pytest.mark.parametrize("part", ["val", "test"])
def test_part_of_random_windows_shorter_than_one_is_named_with_both_lengths(part: str) -> None:
    lengths: Any = {part: T}
    with pytest.raises(DataError, match=f"The {part} part .* has 4 characters, .* needs 5\\."):
        Counting(**lengths, evaluation_batches=1).setup()


def test_corpus_is_loaded_once(monkeypatch: pytest.MonkeyPatch) -> None:
    data = Counting()
    data.setup()
    monkeypatch.setattr(data, "load", None)
    data.setup("fit")
    assert len(data.splits.train) == 103


def test_sizes_are_those_of_the_vocabulary_and_the_window() -> None:
    data = Counting()
    assert data.sizes == {"vocabulary_size": 3, "context": T}
    assert tuple(data.sizes) == data.provided_sizes


def test_facts_are_the_corpuss() -> None:
    assert Counting().facts == {"source": "counted"}


def test_state_holds_the_vocabulary_and_the_beginning_as_plain_strings() -> None:
    assert spoken("春夏", "春秋", "秋").state_dict() == {
        "vocabulary": "\0夏春秋",
        "beginning": "春",
    }


@pytest.mark.parametrize(
    ("texts", "beginning"),
    [
        (["river moon", "sea bell", "river bell", *map(str, range(20))], "river"),
        (["  river\nmoon", "river", *map(str, range(20))], "river"),
        (["春眠不覺曉", "春江潮水", *map(chr, range(0x4E00, 0x4E14))], "春"),
        (["the sea\nold river\nold moon"], "old"),
        (["sea bell"], "sea"),
        (["", "\n\n\n\n\n"], ""),
    ],
)
def test_beginning_is_the_commonest_first_word_of_documents_or_of_a_few_ones_lines(
    texts: list[str], beginning: str
) -> None:
    assert spoken(*texts).beginning == beginning


def test_state_of_an_earlier_version_has_no_beginning() -> None:
    data = spoken("sea bell")
    data.setup()
    data.load_state_dict({"vocabulary": data.vocabulary.characters})
    assert data.beginning == "sea"
    restored = spoken("sea")
    restored.load_state_dict({"vocabulary": "abc"})
    assert restored.beginning == ""


def test_prompt_gives_way_where_nothing_stands_for_an_unknown_character() -> None:
    prompt, remark = spoken("sea see").known_prompt("seax")
    assert prompt == "sea"
    assert remark is not None
    assert remark.startswith(
        "prompt 'seax': not among the 5 characters of the vocabulary: x. In its"
    )


def test_state_of_the_same_vocabulary_is_accepted() -> None:
    data = spoken("春夏秋冬")
    data.setup()
    data.load_state_dict(spoken("春夏秋冬").state_dict())


@pytest.mark.parametrize("characters", ["春夏", "\0夏秋春"])
def test_state_of_another_vocabulary_is_refused(characters: str) -> None:
    data = spoken("春夏秋冬")
    data.setup()
    with pytest.raises(DataError, match=f"{len(characters)} characters against 5, or in another"):
        data.load_state_dict({"vocabulary": characters})


def test_corpus_loaded_after_a_state_is_compared_with_it() -> None:
    data = spoken("春夏秋冬")
    data.load_state_dict({"vocabulary": "春夏"})
    with pytest.raises(DataError, match="2 characters against 5, or in another"):
        data.setup()


def test_state_gives_the_vocabulary_without_the_corpus(monkeypatch: pytest.MonkeyPatch) -> None:
    data = Counting()
    monkeypatch.setattr(data, "load", None)
    data.load_state_dict({"vocabulary": "春夏"})
    assert data.vocabulary.characters == "春夏"
    assert data.sizes["vocabulary_size"] == 2
    assert data.state_dict() == {"vocabulary": "春夏"}


def test_evaluation_on_no_batch_is_refused() -> None:
    with pytest.raises(SettingError, match=r"data\.evaluation_batches=0: expected 1 or more"):
        Counting(evaluation_batches=0)
