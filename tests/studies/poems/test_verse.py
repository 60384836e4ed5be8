import socket
from typing import Any

import numpy as np
import pytest

from seedbed.data.text import split_documents
from seedbed.data.vocabulary import END, UNKNOWN
from seedbed.errors import SettingError
from studies.poems import verse_grammar
from studies.poems.verse import Verse

PARTS = ("train", "val", "test")


def poems(data: Verse, part: str) -> list[str]:
    *found, rest = data.splits.vocabulary.decode(getattr(data.splits, part)).split(END)
    assert rest == ""
    return found


def test_poems_are_split_90_5_and_5() -> None:
    data = Verse(poems=200)
    assert [len(poems(data, part)) for part in PARTS] == [180, 10, 10]


def test_parts_together_are_the_grammars_poems() -> None:
    data = Verse(poems=1000, draw_seed=7)
    together = [poem for part in PARTS for poem in poems(data, part)]
    assert sorted(together) == sorted(verse_grammar.poems(1000, 7))


def test_entropy_of_a_character_is_among_the_facts() -> None:
    facts = Verse(poems=200).facts
    expected = verse_grammar.entropy_per_character()
    assert facts["entropy_per_character"] == pytest.approx(expected, abs=1e-5)


def test_facts_say_that_it_was_drawn() -> None:
    assert Verse(poems=200).facts["source"] == "drawn from a grammar"


def test_it_needs_no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_socket(*args: Any, **kwargs: Any) -> None:
        raise AssertionError("the network was asked for")

    monkeypatch.setattr(socket, "socket", no_socket)
    Verse(poems=200).setup()


def test_thousand_poems_show_training_every_character_of_the_grammar() -> None:
    vocabulary = Verse(poems=1000).splits.vocabulary
    assert vocabulary.characters == END + UNKNOWN + verse_grammar.CHARACTERS


def test_draw_seed_fixes_the_poems() -> None:
    one, same, other = (Verse(poems=200, draw_seed=seed).splits for seed in (1, 1, 2))
    assert np.array_equal(one.train, same.train)
    assert not np.array_equal(one.train, other.train)


def test_draw_seed_fixes_the_split() -> None:
    expected = split_documents(verse_grammar.poems(200, 7).__iter__, seed=7, facts={})
    assert np.array_equal(Verse(poems=200, draw_seed=7).splits.val, expected.val)


def test_no_poems_at_all_are_refused() -> None:
    with pytest.raises(SettingError, match=r"data\.poems=-5: expected 1 or more"):
        Verse(poems=-5)
