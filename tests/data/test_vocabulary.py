import numpy as np
import pytest

from seedbed.data.vocabulary import UNKNOWN, Vocabulary
from seedbed.errors import DataError


def test_decoding_undoes_encoding() -> None:
    vocabulary = Vocabulary("\n，。春眠不覺曉")
    text = "春眠不覺曉，\n不眠。"
    assert vocabulary.decode(vocabulary.encode(text)) == text


def test_id_of_a_character_is_its_place() -> None:
    ids = Vocabulary("春眠不覺曉").encode("曉春不春")
    assert ids.dtype == np.int64
    assert ids.tolist() == [4, 0, 2, 0]


def test_empty_text_has_no_ids() -> None:
    assert Vocabulary("春").encode("").shape == (0,)


def test_unknown_characters_get_the_id_of_unknown() -> None:
    assert Vocabulary("春" + UNKNOWN + "眠").encode("春x眠曉").tolist() == [0, 1, 2, 1]


def test_without_unknown_the_unknown_character_is_named() -> None:
    with pytest.raises(DataError, match=r"^The character '曉' is not among the vocabulary's 2,"):
        Vocabulary("春眠").encode("春眠曉x")


def test_special_characters_come_first_and_the_rest_is_sorted() -> None:
    vocabulary = Vocabulary.from_text(["cab", "bd"], special="\0" + UNKNOWN + "c")
    assert vocabulary.characters == "\0" + UNKNOWN + "cabd"


def test_vocabulary_contains_its_characters_alone() -> None:
    vocabulary = Vocabulary("春眠")
    assert "眠" in vocabulary
    assert "曉" not in vocabulary


def test_character_given_twice_is_refused() -> None:
    with pytest.raises(ValueError, match="each character once"):
        Vocabulary("春眠春")
