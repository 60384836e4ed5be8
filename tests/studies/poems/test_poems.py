"""The Tang poems' rules, on a collection of a few dozen made-up poems; no mirror is ever asked."""

import hashlib
import json
import random
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from seedbed.data.fetch import Download
from seedbed.data.tokens import TokenSplits
from seedbed.data.vocabulary import END
from seedbed.errors import DataError, SettingError
from studies.poems import poems
from studies.poems.poems import Poems, PoemsTutorial, tutorial_splits

Entry = dict[str, Any]
Build = Callable[..., Path]

CHARACTERS = "春夏秋冬東西南北山水"
CONTEXT = 8


def entry(number: int, **changes: Any) -> Entry:
    """Make a poem of two paragraphs of twelve characters, another one for each number."""
    draw = random.Random(number)
    five = ["".join(draw.choices(CHARACTERS, k=5)) for _ in range(4)]
    lines = [f"{five[0]}，{five[1]}。", f"{five[2]}，{five[3]}。"]
    return {"title": "山水", "paragraphs": lines, **changes}


def long_lines(number: int) -> Entry:
    """Make a poem of two paragraphs of sixteen characters."""
    lines = [
        line.replace("，", "南北，").replace("。", "東西。") for line in entry(number)["paragraphs"]
    ]
    return entry(number, paragraphs=lines)


WHOLE = [entry(number) for number in range(40)]


@pytest.fixture
def build(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Build:
    """Place a collection of 58 files, most without a poem, in a folder as if it was fetched."""

    def place(entries: list[Entry], *, last_file: list[Entry] | None = None) -> Path:
        half = len(entries) // 2
        files = [entries[:half], entries[half:], *[[]] * 55, last_file or []]
        contents = [json.dumps(part, ensure_ascii=False).encode() for part in files]
        names = tuple(f"poet.fake.{number}.json" for number in range(58))
        sha256 = hashlib.sha256(b"".join(contents)).hexdigest()
        monkeypatch.setattr(poems, "TANG_POEMS", Download("fake", names, sha256, (), "data.path"))
        (tmp_path / "fake").mkdir()
        for name, content in zip(names, contents, strict=True):
            (tmp_path / "fake" / name).write_bytes(content)
        return tmp_path

    return place


def load(data_dir: Path, **options: Any) -> TokenSplits:
    return Poems(data_dir=str(data_dir), context=CONTEXT, **options).splits


def texts(splits: TokenSplits) -> list[str]:
    """Return all parts' poems."""
    streams = [splits.train, splits.val, splits.test]
    text = "".join(splits.vocabulary.decode(part) for part in streams if part is not None)
    return text.removesuffix(END).split(END)


def same(one: TokenSplits, other: TokenSplits) -> bool:
    return (
        np.array_equal(one.train, other.train)
        and np.array_equal(one.val, other.val)
        and one.test is not None
        and other.test is not None
        and np.array_equal(one.test, other.test)
        and one.vocabulary.characters == other.vocabulary.characters
        and one.facts == other.facts
    )


# --- which poems are kept -------------------------------------------------------------------------


def test_whole_poems_are_all_kept_as_title_and_lines(build: Build) -> None:
    expected = ["\n".join([poem["title"], *poem["paragraphs"]]) for poem in WHOLE]
    assert sorted(texts(load(build(WHOLE)))) == sorted(expected)


@pytest.mark.parametrize(
    "paragraphs",
    [
        ["春水東西南，北山。"],
        ["空。"],
        [],
        ["春夏□冬東，西南北山水。"],
        ["春夏（一作秋）冬東，西南北山水。"],
        ["春夏[一]冬東，西南北山水。"],
        ["春夏〖1〗冬東，西南北山水。"],
        ["春夏{秋冬}東，西南北山水。"],
        ["春夏秋冬東，西南北山水a。"],
        ["春夏秋冬東，西南北山水 。"],
        ["春夏秋冬東，西南北山水。", "3"],
    ],
)
def test_fragment_or_poem_with_an_editors_mark_is_left_out(
    build: Build, paragraphs: list[str]
) -> None:
    left_out = entry(100, title="春", paragraphs=paragraphs)
    found = texts(load(build([*WHOLE, left_out])))
    assert len(found) == len(WHOLE)
    assert not any(poem.startswith("春\n") for poem in found)


def test_poem_of_ten_characters_is_no_fragment(build: Build) -> None:
    shortest = entry(100, paragraphs=["春水東西，", "南北山水。"])
    assert "山水\n春水東西，\n南北山水。" in texts(load(build([*WHOLE, shortest])))


def test_all_chinese_punctuation_is_kept(build: Build) -> None:
    line = "春：「山；水、」『東』《西》？南！"
    found = texts(
        load(build([*WHOLE, *[entry(100, paragraphs=[line, line[:n]]) for n in range(9)]]))
    )
    assert len(found) == len(WHOLE) + 9


@pytest.mark.parametrize(
    ("title", "cleaned"),
    [
        ("山", "山"),
        ("山（一作水）", "山"),
        ("山[一]", "山"),
        ("山〖1〗水", "山水"),
        ("山（甲[一]）", "山"),
        ("□山", "山"),
        ("山\t水", "山水"),
        (" 山 ", "山"),
        ("山 水", "山 水"),
        ("（缺）", "無題"),
        ("", "無題"),
    ],
)
def test_title_loses_notes_and_marks(build: Build, title: str, cleaned: str) -> None:
    found = texts(load(build([{**poem, "title": title} for poem in WHOLE])))
    assert {poem.split("\n")[0] for poem in found} == {cleaned}


def test_first_of_several_poems_with_the_same_text_is_kept(build: Build) -> None:
    again = [entry(number, title="南") for number in range(5)]
    found = texts(load(build([*WHOLE, *again])))
    assert len(found) == len(WHOLE)
    assert {poem.split("\n")[0] for poem in found} == {"山水"}


def test_another_split_seed_is_another_split(build: Build) -> None:
    data_dir = build(WHOLE)
    one, other = load(data_dir, split_seed=1), load(data_dir, split_seed=2)
    assert sorted(texts(one)) == sorted(texts(other))
    assert not np.array_equal(one.val, other.val)


def test_facts_say_what_it_was_made_of(build: Build) -> None:
    facts = load(build(WHOLE)).facts
    assert facts["sha256"] == poems.TANG_POEMS.sha256
    assert (facts["train_poems"], facts["val_poems"], facts["test_poems"]) == (36, 2, 2)


# --- the cache ------------------------------------------------------------------------------------


def test_second_load_needs_no_raw_files(build: Build) -> None:
    data_dir = build(WHOLE)
    first = load(data_dir)
    shutil.rmtree(data_dir / "fake")
    assert same(load(data_dir), first)


# --- raw files that changed -----------------------------------------------------------------------


@pytest.mark.parametrize("content", [b"[]", b'[{"title": "cut sh', b""])
def test_altered_raw_file_is_refused_with_its_folder_and_the_remedy(
    build: Build, content: bytes
) -> None:
    data_dir = build(WHOLE)
    (data_dir / "fake" / "poet.fake.1.json").write_bytes(content)
    with pytest.raises(DataError, match=r"Remove the folder to fetch them again\.$") as caught:
        load(data_dir)
    assert str(caught.value).startswith(f"{data_dir / 'fake'}: a file was altered (sha256")


def test_altered_raw_file_leaves_no_cache(build: Build) -> None:
    data_dir = build(WHOLE)
    (data_dir / "fake" / "poet.fake.1.json").write_bytes(b"[]")
    with pytest.raises(DataError):
        load(data_dir)
    assert not [path for path in data_dir.glob("processed/*") if path.is_dir()]


# --- anyone's own corpus --------------------------------------------------------------------------


def test_own_corpus_is_split_by_poem_and_asks_for_no_collection(tmp_path: Path) -> None:
    path = tmp_path / "mine.txt"
    path.write_text("\n\n".join(f"abc {number:02}" for number in range(40)), encoding="utf-8")
    splits = load(tmp_path / "nowhere", path=str(path))
    assert sorted(texts(splits)) == [f"abc {number:02}" for number in range(40)]
    assert [splits.facts[f"{part}_documents"] for part in ("train", "val", "test")] == [36, 2, 2]
    assert not (tmp_path / "nowhere").exists()


def test_own_corpus_is_said_to_be_for_data_text(tmp_path: Path) -> None:
    own = Poems(data_dir=".", path="mine.txt")
    assert [*own.remarks] == ["a text of your own is data=text; data=poems reads it as that does"]
    assert not Poems(data_dir=".").remarks


def test_collection_can_go_on_from_another_runs_vocabulary(build: Build) -> None:
    data_dir = build(WHOLE)
    usual = load(data_dir)
    state = {"vocabulary": "xyz\n"}
    data = Poems(data_dir=str(data_dir), context=CONTEXT)
    data.load_state_dict(state)
    found = data.load()
    assert found.vocabulary.characters.startswith("xyz\n")
    assert sorted(texts(found)) == sorted(texts(usual))


def test_own_corpus_loses_only_duplicates(tmp_path: Path) -> None:
    path = tmp_path / "mine.json"
    short = entry(100, title="[1]", paragraphs=["(a)"])
    path.write_text(json.dumps([*WHOLE, short, *WHOLE]), encoding="utf-8")
    found = texts(load(tmp_path, path=str(path)))
    assert len(found) == len(WHOLE) + 1


# --- the lesson's protocol ------------------------------------------------------------------------

LESSONS = [entry(n) if n % 2 else long_lines(n) for n in range(40)]


def kept(changed: Entry) -> bool:
    """Say whether the lesson keeps an entry that is added to those that it keeps."""
    count = tutorial_splits([*LESSONS, changed]).facts["poems"]
    assert count in (40, 41)
    return bool(count == 41)


def stream(splits: TokenSplits) -> str:
    return splits.vocabulary.decode(np.concatenate([splits.train, splits.val]))


def lesson(entries: list[Entry]) -> tuple[str, str]:
    """Follow the lesson with the global generator; return the text and all parts together."""
    state = random.getstate()
    random.seed(2024)
    entries = list(entries)
    random.shuffle(entries)
    count = len(entries)
    first, second, third = (
        entries[: count // 2],
        entries[count // 2 : count * 8 // 10],
        entries[count * 8 // 10 :],
    )
    text = "\n\n".join(e["title"] + "\n" + "\n".join(e["paragraphs"]) for e in first)
    fives = [e for e in third if [len(line) for line in e["paragraphs"]] == [12, 12]]
    others = [e for e in third if e not in fives]
    assert fives
    assert others
    for five in fives:
        second += [five, random.choice(others)]
    random.setstate(state)
    examples = [
        f"<INS>請用以下題目寫一首詩<INP>{e['title']}<RES>" + "\n".join(e["paragraphs"])
        for e in second
    ]
    return text, text + "".join(examples) + "\0"


def test_lesson_keeps_an_entry_that_breaks_no_rule() -> None:
    assert kept(entry(100))


@pytest.mark.parametrize(
    "changes",
    [
        {"title": "山□"},
        {"paragraphs": ["春夏秋冬東，西南北山水。", "春夏秋冬東，西□北山水。"]},
    ],
)
def test_lesson_drops_a_lost_character_in_title_or_text(changes: Entry) -> None:
    assert not kept(entry(100, **changes))


def test_lesson_drops_paragraphs_of_unequal_lengths() -> None:
    assert not kept(entry(100, paragraphs=["春夏秋冬東，西南北山水。", "春夏秋冬，西南北山。"]))


@pytest.mark.parametrize("paragraphs", [[], ["春夏秋冬東，西南北山水。"]])
def test_lesson_drops_fewer_than_two_paragraphs(paragraphs: list[str]) -> None:
    assert not kept(entry(100, paragraphs=paragraphs))


@pytest.mark.parametrize("bracket", ["(", "（"])
def test_lesson_drops_an_opening_bracket_in_title_or_text(bracket: str) -> None:
    lines = entry(100)["paragraphs"]
    assert not kept(entry(100, title="山" + bracket))
    assert not kept(entry(100, paragraphs=[line[:-1] + bracket for line in lines]))
    assert not kept(entry(100, paragraphs=[lines[0], lines[1][:-1] + bracket]))


@pytest.mark.parametrize("mark", [")", "）", "[", "〖", "a"])
def test_lesson_keeps_every_other_mark(mark: str) -> None:
    assert kept(entry(100, title="山" + mark))


def test_lessons_text_is_the_first_half_after_its_shuffle() -> None:
    text, _ = lesson(LESSONS)
    assert stream(tutorial_splits(LESSONS)) == text
    assert len(text.split("\n\n")) == 20


def test_lessons_shuffle_leaves_the_global_generator_alone() -> None:
    before = random.getstate()
    tutorial_splits(LESSONS)
    assert random.getstate() == before


def test_lessons_first_nine_tenths_of_characters_are_for_training() -> None:
    splits = tutorial_splits(LESSONS)
    assert len(splits.train) == int(0.9 * splits.facts["characters"])
    assert len(splits.train) + len(splits.val) == splits.facts["characters"]
    assert splits.test is None


def test_lessons_vocabulary_is_sorted_and_covers_all_parts() -> None:
    # Each poem has a character of its own, so that the vocabulary shows which poems it saw.
    marked = [{**poem, "title": chr(ord("一") + n)} for n, poem in enumerate(LESSONS)]
    _, everything = lesson(marked)
    assert tutorial_splits(marked).vocabulary.characters == "".join(sorted(set(everything)))


def test_lessons_vocabulary_covers_the_instruction_and_the_padding() -> None:
    vocabulary = tutorial_splits(LESSONS).vocabulary.characters
    assert set("<INS>請用以下題目寫一首詩<INP><RES>\0") <= set(vocabulary)
    assert vocabulary[0] == "\0"


def test_lessons_facts_count_the_text_and_all_parts() -> None:
    text, everything = lesson(LESSONS)
    facts = tutorial_splits(LESSONS).facts
    assert facts["poems"] == 40
    assert facts["characters"] == len(text)
    assert facts["characters_of_all_parts"] == len(everything)


def load_lesson(data_dir: Path, **options: Any) -> TokenSplits:
    return PoemsTutorial(data_dir=str(data_dir), context=CONTEXT, **options).splits


def test_lesson_does_not_read_the_last_file(build: Build) -> None:
    data_dir = build(LESSONS, last_file=[entry(100)])
    assert load_lesson(data_dir).facts["poems"] == 40


def test_lessons_second_load_needs_no_raw_files(build: Build) -> None:
    data_dir = build(LESSONS)
    first = load_lesson(data_dir)
    shutil.rmtree(data_dir / "fake")
    second = load_lesson(data_dir)
    assert np.array_equal(second.train, first.train)
    assert np.array_equal(second.val, first.val)
    assert second.test is None


def test_validation_in_training_cuts_its_last_tenth_and_tests_on_the_evaluation_part(
    build: Build,
) -> None:
    data_dir = build(LESSONS)
    whole = load_lesson(data_dir)
    splits = load_lesson(data_dir, validation="training")
    cut = len(whole.train) * 9 // 10
    assert np.array_equal(splits.train, whole.train[:cut])
    assert np.array_equal(splits.val, whole.train[cut:])
    assert splits.test is not None
    assert np.array_equal(splits.test, whole.val)


def test_lessons_corpus_and_the_whole_one_keep_apart_in_one_folder(build: Build) -> None:
    data_dir = build(LESSONS)
    one, other = load(data_dir), load_lesson(data_dir)
    assert same(load(data_dir), one)
    assert np.array_equal(load_lesson(data_dir).train, other.train)


def test_song_poems_come_beside_the_tang_in_whatever_order_they_are_named(
    build: Build, monkeypatch: pytest.MonkeyPatch
) -> None:
    data_dir = build(WHOLE)
    others = [entry(number) for number in range(100, 130)]
    content = json.dumps(others, ensure_ascii=False).encode()
    song = Download("song", ("poet.song.0.json",), hashlib.sha256(content).hexdigest(), (), "")
    monkeypatch.setattr(poems, "SONG_POEMS", song)
    (data_dir / "song").mkdir()
    (data_dir / "song" / song.files[0]).write_bytes(content)

    both = load(data_dir, dynasties=["song", "tang"])

    assert sorted(texts(both)) == sorted(
        texts(load(data_dir)) + texts(load(data_dir, dynasties=["song"]))
    )
    assert both.facts == load(data_dir, dynasties=["tang", "song"]).facts
    assert both.facts["source"] == "chinese-poetry, Tang and Song"
    assert both.facts["sha256"] == f"{poems.TANG_POEMS.sha256}+{song.sha256}"


def test_no_dynasty_is_refused() -> None:
    with pytest.raises(SettingError, match="expected tang, song, or both"):
        Poems(data_dir=".", dynasties=[])
