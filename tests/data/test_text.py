import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from seedbed.data.text import read_file, split_poems, without_duplicates
from seedbed.data.tokens import TokenSplits
from seedbed.data.vocabulary import END, UNKNOWN
from seedbed.errors import DataError

ENTRIES = [
    {"title": "春曉", "author": "孟浩然", "paragraphs": ["春眠不覺曉，", "處處聞啼鳥。"]},
    {"title": "鹿柴", "author": "王維", "paragraphs": ["空山不見人，"]},
]
POEMS = ["春曉\n春眠不覺曉，\n處處聞啼鳥。", "鹿柴\n空山不見人，"]


def write(folder: Path, content: bytes | str, name: str = "poems.txt") -> Path:
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def refusal(path: Path) -> str:
    """Return the message, which has to begin with the file, and what follows the file."""
    with pytest.raises(DataError) as caught:
        read_file(path)
    message = str(caught.value)
    assert message.startswith(str(path))
    return message.removeprefix(str(path))


# --- files that can be read -----------------------------------------------------------------------


@pytest.mark.parametrize("name", ["poems.json", "POEMS.JSON"])
def test_json_in_the_collections_form_is_a_title_and_lines(tmp_path: Path, name: str) -> None:
    poems, _ = read_file(write(tmp_path, json.dumps(ENTRIES), name))
    assert poems == POEMS


@pytest.mark.parametrize("title", [{}, {"title": ""}, {"title": None}])
def test_poem_without_a_title_is_its_lines(tmp_path: Path, title: dict[str, Any]) -> None:
    entry = {"paragraphs": ["空山不見人，", "但聞人語響。"], **title}
    poems, _ = read_file(write(tmp_path, json.dumps([entry]), "poems.json"))
    assert poems == ["空山不見人，\n但聞人語響。"]


@pytest.mark.parametrize(
    "content",
    [
        "\n\n".join(POEMS),
        "\n\n".join(POEMS) + "\n",
        "\n\n\n\n".join(["", *POEMS, ""]),
        "\n \t\n".join(POEMS),
        "\n\u3000\n".join(POEMS),
        "\n\n".join(POEMS).replace("\n", "\r\n"),
        "\ufeff" + "\n\n".join(POEMS),
    ],
    ids=[
        "blank line",
        "final newline",
        "several blank lines",
        "blank line with spaces",
        "blank line with an ideographic space",
        "carriage returns",
        "byte order mark",
    ],
)
def test_blank_lines_separate_the_poems_of_plain_text(tmp_path: Path, content: str) -> None:
    poems, _ = read_file(write(tmp_path, content))
    assert poems == POEMS


def test_json_may_begin_with_a_byte_order_mark(tmp_path: Path) -> None:
    poems, _ = read_file(write(tmp_path, "\ufeff" + json.dumps(ENTRIES), "poems.json"))
    assert poems == POEMS


def test_checksum_is_the_files_sha256(tmp_path: Path) -> None:
    content = "\r\n\r\n".join(POEMS).encode()
    _, checksum = read_file(write(tmp_path, content))
    assert checksum == hashlib.sha256(content).hexdigest()


# --- files that cannot ----------------------------------------------------------------------------


def test_missing_file_is_named_with_the_setting_to_check(tmp_path: Path) -> None:
    message = refusal(tmp_path / "missing.txt")
    assert message == ": cannot be read (No such file or directory). Check data.path."


def test_folder_in_place_of_a_file_is_named(tmp_path: Path) -> None:
    assert refusal(tmp_path) == ": cannot be read (Is a directory). Check data.path."


@pytest.mark.parametrize("content", ["", " \r\n\n"])
@pytest.mark.parametrize("name", ["poems.txt", "poems.json"])
def test_empty_file_is_said_to_be_empty(tmp_path: Path, content: str, name: str) -> None:
    message = refusal(write(tmp_path, content, name))
    assert message == ": is empty. Expected poems, as JSON or as plain text."


def test_what_is_not_json_is_told_its_line_and_column(tmp_path: Path) -> None:
    message = refusal(write(tmp_path, '[\n  {"title": 春曉}\n]', "poems.json"))
    assert message.startswith(", line 2, column 13: not JSON (Expecting value).")
    assert message.endswith("Expected a list of poems, each with a title and paragraphs.")


def test_truncated_json_is_told_its_line_and_column(tmp_path: Path) -> None:
    message = refusal(write(tmp_path, '[\n{"title": "春曉",\n"paragraphs": [', "poems.json"))
    assert message.startswith(", line 3, column 16: not JSON (Expecting value).")


def test_json_nested_too_deep_is_explained(tmp_path: Path) -> None:
    path = write(tmp_path, "[" * 100_000, "poems.json")
    assert refusal(path) == ": expected a list of poems, got one nested too deep."


@pytest.mark.parametrize("name", ["poems.txt", "poems.json"])
def test_character_that_ends_poems_is_refused_within_one(tmp_path: Path, name: str) -> None:
    poems = [{"paragraphs": ["one"]}, {"paragraphs": ["t\0wo"]}]
    content = json.dumps(poems) if name.endswith("json") else "one\n\nt\0wo"
    assert refusal(write(tmp_path, content, name)).startswith(", poem 2: has the character U+0000")


def test_json_that_is_no_list_is_told_what_it_is(tmp_path: Path) -> None:
    message = refusal(write(tmp_path, json.dumps({"poems": ENTRIES}), "poems.json"))
    assert message == ": expected a list of poems, got dict."


@pytest.mark.parametrize(
    "entry",
    [
        {"title": "無題"},
        {"title": "無題", "paragraphs": "空山不見人"},
        {"title": "無題", "paragraphs": ["空山不見人", 7]},
        "空山不見人",
        None,
    ],
)
def test_entry_without_paragraphs_is_named_by_its_number(tmp_path: Path, entry: Any) -> None:
    message = refusal(write(tmp_path, json.dumps([*ENTRIES, entry]), "poems.json"))
    assert message == f", poem 3: expected `paragraphs`, a list of strings, got {entry}."


def test_entry_whose_title_is_no_string_is_named_by_its_number(tmp_path: Path) -> None:
    entry = {"title": 7, "paragraphs": ["空山不見人"]}
    message = refusal(write(tmp_path, json.dumps([*ENTRIES, entry]), "poems.json"))
    assert message == ", poem 3: expected `title`, a string, got 7."


@pytest.mark.parametrize("name", ["poems.txt", "poems.json"])
def test_file_in_another_encoding_is_told_the_byte(tmp_path: Path, name: str) -> None:
    content = json.dumps(ENTRIES[:1], ensure_ascii=False).encode()
    place = content.index("眠".encode())
    message = refusal(
        write(tmp_path, content[:place] + "眠".encode("big5") + content[place:], name)
    )
    assert message == f", byte {place}: not UTF-8. Save the file as UTF-8."


# --- splitting ------------------------------------------------------------------------------------


NUMBERED = [f"poem {number}" for number in range(200)]


def split(poems: list[str], seed: int = 0) -> TokenSplits:
    return split_poems(poems, seed=seed, facts={})


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
    assert [splits.facts[f"{part}_poems"] for part in ("train", "val", "test")] == lengths


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
    poems = [chr(ord("一") + number) * 3 for number in range(100)]
    splits = split(poems)
    assert splits.vocabulary.characters == END + UNKNOWN + "".join(
        sorted(set("".join(texts(splits)["train"])))
    )
    assert len(splits.vocabulary) == 2 + 90


@pytest.mark.parametrize("part", ["val", "test"])
def test_character_that_training_lacks_becomes_the_unknown_token(part: str) -> None:
    poems = [chr(ord("一") + number) * 3 for number in range(100)]
    assert texts(split(poems))[part] == [UNKNOWN * 3] * 5


def test_facts_are_kept_beside_the_counts() -> None:
    facts = split_poems(NUMBERED, seed=0, facts={"source": "numbers"}).facts
    assert facts == {"source": "numbers", "train_poems": 180, "val_poems": 10, "test_poems": 10}


@pytest.mark.parametrize("count", [0, 19])
def test_fewer_than_twenty_poems_are_refused_with_the_number_needed(count: int) -> None:
    with pytest.raises(DataError, match=rf"has {count} poems; a 90/5/5 split needs at least 20\."):
        split(NUMBERED[:count])


def test_more_characters_than_uint16_counts_are_refused() -> None:
    characters = "".join(map(chr, range(0x10000, 0x23000)))
    with pytest.raises(DataError, match=r"at most 65,536 are stored"):
        split([characters[number::20] for number in range(20)])


# --- duplicates -----------------------------------------------------------------------------------


def test_first_of_equal_poems_stays_in_its_place() -> None:
    assert without_duplicates(["b", "a", "b", "c", "a"]) == ["b", "a", "c"]


def test_first_poem_of_a_key_stays() -> None:
    poems = ["one\nsame", "two\nsame", "three\nother"]
    kept = without_duplicates(poems, key=lambda poem: poem.split("\n")[1])
    assert kept == ["one\nsame", "three\nother"]
