"""The corpus itself: counts and tokens that are known, or were counted once.

It is fetched to the data directory where it is not there yet.
"""

import os
import time
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest

from seedbed.data.fetch import fetch
from seedbed.data.tokens import TokenSplits
from seedbed.data.vocabulary import END, UNKNOWN
from studies.poems.poems import TANG_POEMS, Poems, PoemsTutorial

pytestmark = pytest.mark.corpus


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Have the raw files and nothing processed, so that this code processes them."""
    shared = Path(os.environ.get("SEEDBED_DATA_DIR", "~/.cache/seedbed")).expanduser()
    raw, fresh = fetch(TANG_POEMS, shared), tmp_path_factory.mktemp("data")
    (fresh / raw.name).symlink_to(raw.resolve())
    return str(fresh)


@pytest.fixture(scope="module")
def tutorial(data_dir: str) -> TokenSplits:
    return PoemsTutorial(data_dir=data_dir).splits


@pytest.fixture(scope="module")
def splits(data_dir: str) -> TokenSplits:
    return Poems(data_dir=data_dir).splits


# --- the lesson's protocol ------------------------------------------------------------------------


def test_lesson_keeps_47457_poems(tutorial: TokenSplits) -> None:
    assert tutorial.facts["poems"] == 47_457


def test_lessons_text_has_1725059_characters(tutorial: TokenSplits) -> None:
    assert tutorial.facts["characters"] == 1_725_059
    assert len(tutorial.train) + len(tutorial.val) == 1_725_059


def test_lessons_text_begins_as_known(tutorial: TokenSplits) -> None:
    assert tutorial.vocabulary.decode(tutorial.train[:8]) == "東歸留辭沈侍郎\n"


def test_lessons_parts_together_have_4052248_characters(tutorial: TokenSplits) -> None:
    assert tutorial.facts["characters_of_all_parts"] == 4_052_248


def test_lessons_vocabulary_has_8548_characters(tutorial: TokenSplits) -> None:
    assert len(tutorial.vocabulary) == 8548


def test_lessons_verse_encodes_to_the_lessons_ids(tutorial: TokenSplits) -> None:
    ids = "4403 2704 345 1642 4450 8347 8252 3407 536 3503 3486"
    assert tutorial.vocabulary.encode("白日依山盡，黃河入海流").tolist() == [*map(int, ids.split())]


def test_lesson_trains_on_nine_tenths_and_evaluates_on_one(tutorial: TokenSplits) -> None:
    assert (len(tutorial.train), len(tutorial.val)) == (1_552_553, 172_506)
    assert tutorial.test is None


def test_lesson_can_validate_on_a_tenth_of_its_training_part(
    tutorial: TokenSplits, data_dir: str
) -> None:
    splits = PoemsTutorial(data_dir=data_dir, validation="training").splits
    assert (len(splits.train), len(splits.val)) == (1_397_297, 155_256)
    assert np.array_equal(np.concatenate([splits.train, splits.val]), tutorial.train)


# --- the whole corpus -----------------------------------------------------------------------------


def poems(splits: TokenSplits, part: str) -> list[str]:
    *found, after_the_last_end = splits.vocabulary.decode(getattr(splits, part)).split(END)
    assert after_the_last_end == ""
    return found


PARTS = {"train": 46_013, "val": 2556, "test": 2556}


def test_51125_poems_are_kept_and_split_by_poem(splits: TokenSplits) -> None:
    assert {part: len(poems(splits, part)) for part in PARTS} == PARTS
    assert {part: splits.facts[f"{part}_poems"] for part in PARTS} == PARTS


def test_lengths_of_the_parts_are_those_counted_before(splits: TokenSplits) -> None:
    lengths = [len(getattr(splits, part)) for part in PARTS]
    assert lengths == [3_341_526, 185_618, 183_536]


def test_no_two_parts_share_a_poem(splits: TokenSplits) -> None:
    # The text alone, since the same poem may stand under two titles.
    texts = [{poem.partition("\n")[2] for poem in poems(splits, part)} for part in PARTS]
    assert [len(part) for part in texts] == list(PARTS.values())
    assert not any(one & other for one, other in combinations(texts, 2))


def test_vocabulary_holds_the_training_parts_characters_and_no_others(splits: TokenSplits) -> None:
    seen = set(splits.vocabulary.decode(np.unique(splits.train)))
    assert UNKNOWN not in seen
    assert seen | {UNKNOWN} == set(splits.vocabulary.characters)
    assert len(splits.vocabulary) == 8705


def test_characters_that_training_lacks_are_rare(splits: TokenSplits) -> None:
    unknown = splits.vocabulary.encode(UNKNOWN)
    assert [(getattr(splits, part) == unknown).sum() for part in ("val", "test")] == [115, 101]


def test_second_start_reaches_the_first_batch_in_half_a_second_of_the_processor(
    splits: TokenSplits, data_dir: str
) -> None:
    seconds = []
    for _ in range(3):
        start = time.process_time()
        data = Poems(data_dir=data_dir)
        data.setup()
        next(iter(data.train_dataloader()))
        seconds.append(time.process_time() - start)
    assert min(seconds) < 0.5
