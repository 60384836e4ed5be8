"""A corpus's documents from files of every kind; each message begins with the file."""

import codecs
import hashlib
import json
import os
from pathlib import Path
from typing import Any

import pytest

from seedbed.data.documents import Corpus
from seedbed.errors import DataError, SettingError

ENTRIES = [
    {"title": "春曉", "author": "孟浩然", "paragraphs": ["春眠不覺曉，", "處處聞啼鳥。"]},
    {"title": "鹿柴", "author": "王維", "paragraphs": ["空山不見人，"]},
]
POEMS = ["春曉\n春眠不覺曉，\n處處聞啼鳥。", "鹿柴\n空山不見人，"]
PLAIN = "\n\n".join(POEMS)
NAMES = [f"name{number}" for number in range(30)]


def write(folder: Path, content: bytes | str, name: str = "texts.txt") -> Path:
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def read(path: Path, **options: Any) -> list[str]:
    return [*Corpus(path, **options).documents()]


def refusal(path: Path, **options: Any) -> str:
    """Return the message, which has to begin with the file, and what follows the file."""
    with pytest.raises(DataError) as caught:
        read(path, **options)
    message = str(caught.value)
    assert message.startswith(str(path))
    return message.removeprefix(str(path))


@pytest.fixture
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have each few bytes of a file be a part of its own."""
    monkeypatch.setattr("seedbed.data.decoding.BLOCK", 5)


# --- encodings and line ends ----------------------------------------------------------------------

READABLE = {
    "blank line": PLAIN,
    "final newline": PLAIN + "\n",
    "several blank lines": "\n\n\n\n".join(["", *POEMS, ""]),
    "blank line with spaces": "\n \t\n".join(POEMS),
    "blank line with an ideographic space": "\n\u3000\n".join(POEMS),
    "blank line of no width": "\n\u200b\n".join(POEMS),
    "blank line of a mark": "\n\ufeff\n".join(POEMS),
    "blank line of joiners": "\n\u200d\u200c\n".join(POEMS),
    "characters of no width within": PLAIN.replace("春", "\u200b春\u2060\ufeff"),
    "line ends of Windows": PLAIN.replace("\n", "\r\n"),
    "line ends of Windows, made twice": PLAIN.replace("\n", "\r\r\n"),
    "line ends of old Macs": PLAIN.replace("\n", "\r"),
    "line and paragraph separators": "\u2029\u2029".join(POEMS).replace("\n", "\u2028"),
    "mark of UTF-8": codecs.BOM_UTF8 + PLAIN.encode(),
    "mark of UTF-16, little end first": codecs.BOM_UTF16_LE + PLAIN.encode("utf-16-le"),
    "mark of UTF-16, big end first": codecs.BOM_UTF16_BE + PLAIN.encode("utf-16-be"),
    "mark of UTF-32": PLAIN.encode("utf-32"),
    "UTF-16 with line ends of Windows": PLAIN.replace("\n", "\r\n").encode("utf-16"),
}


@pytest.mark.parametrize("content", READABLE.values(), ids=READABLE.keys())
def test_text_is_read_as_every_platform_writes_it(tmp_path: Path, content: bytes | str) -> None:
    assert read(write(tmp_path, content)) == POEMS


@pytest.mark.parametrize("content", READABLE.values(), ids=READABLE.keys())
def test_text_is_the_same_wherever_its_parts_begin(
    tmp_path: Path, content: bytes | str, small_blocks: None
) -> None:
    assert read(write(tmp_path, content)) == POEMS


@pytest.mark.parametrize("encoding", ["gb18030", "big5", "utf-16-le", "utf-16", "utf-8-sig"])
def test_encoding_that_is_named_is_used(tmp_path: Path, encoding: str, small_blocks: None) -> None:
    path = write(tmp_path, PLAIN.encode(encoding))
    assert read(path, encoding=encoding) == POEMS
    assert encoding.removesuffix("-sig").upper() in Corpus(path, encoding).read_as


def test_joiners_within_a_text_stay(tmp_path: Path) -> None:
    family = "\U0001f468\u200d\U0001f469 \u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645"
    assert read(write(tmp_path, family)) == [family]


@pytest.mark.parametrize("name", ["texts.txt", "texts.json"])
def test_file_in_another_encoding_is_refused_with_the_byte_and_the_setting(
    tmp_path: Path, name: str, small_blocks: None
) -> None:
    content = json.dumps(ENTRIES[:1], ensure_ascii=False).encode()
    place = content.index("眠".encode())
    message = refusal(
        write(tmp_path, content[:place] + "眠".encode("big5") + content[place:], name)
    )
    remedy = "Save the file as UTF-8, or name its encoding in data.encoding."
    assert message == f", byte {place}: not UTF-8. {remedy}"


def test_wrong_encoding_is_refused_with_the_byte(tmp_path: Path) -> None:
    message = refusal(write(tmp_path, b"abc\xff"), encoding="shift_jis")
    assert message == ", byte 3: not SHIFT_JIS. Check data.encoding."


def test_text_of_utf_16_without_a_mark_is_refused_with_what_to_name(tmp_path: Path) -> None:
    message = refusal(write(tmp_path, "abc".encode("utf-16-le")))
    assert message.startswith(", document 1: has the character U+0000, which is kept for the end")
    assert message.endswith("data.encoding=utf-16-le or -be.")


def test_encoding_whose_mark_is_missing_is_reported(tmp_path: Path) -> None:
    message = refusal(write(tmp_path, b"no mark"), encoding="utf-16")
    assert message.startswith(": not UTF-16 (UTF-16 stream does not start with BOM). Check data.")


@pytest.mark.parametrize("encoding", ["utf8x", "base64", "undefined", "a\0b"])
def test_encoding_that_there_is_not_is_refused(tmp_path: Path, encoding: str) -> None:
    with pytest.raises(SettingError, match=r"^data\.encoding=.*: there is no such encoding"):
        Corpus(tmp_path, encoding)


# --- what a document is ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "documents", "words"),
    [
        ("\n".join(NAMES), NAMES, "a document a line"),
        ("\n".join(NAMES) + "\n", NAMES, "a document a line"),
        ("\n\n".join(NAMES), NAMES, "a blank line between documents"),
        (PLAIN, POEMS, "a blank line between documents"),
        ("\n".join(NAMES[:19]), ["\n".join(NAMES[:19])], "a document a file"),
        ("one long line " * 100, [("one long line " * 100).strip()], "a document a file"),
        ("\n".join(NAMES * 10) + "\n\n" + NAMES[0], [*NAMES * 10, NAMES[0]], "a document a line"),
    ],
)
def test_what_a_document_is_is_found_out_and_said(
    tmp_path: Path, content: str, documents: list[str], words: str
) -> None:
    corpus = Corpus(write(tmp_path, content))
    assert [*corpus.documents()] == documents
    assert words in corpus.read_as


@pytest.mark.parametrize(
    ("form", "documents"),
    [
        ("line", [line for poem in POEMS for line in poem.split("\n")]),
        ("blank_line", POEMS),
        ("whole", [PLAIN]),
    ],
)
def test_what_a_document_is_can_be_set(tmp_path: Path, form: Any, documents: list[str]) -> None:
    assert read(write(tmp_path, PLAIN), form=form) == documents


def test_folder_of_many_text_files_is_a_document_a_file(tmp_path: Path) -> None:
    for name in [*NAMES, "._name"]:
        write(tmp_path, f"{name}\n\nis here", f"{name}.txt")
    write(tmp_path, "[]", "notes.json")
    assert sorted(read(tmp_path)) == sorted(f"{name}\n\nis here" for name in NAMES)


def test_folder_of_few_text_files_is_read_as_each_of_them(tmp_path: Path) -> None:
    write(tmp_path, PLAIN, "a.txt")
    (tmp_path / "within").mkdir()
    write(tmp_path, "\n".join(NAMES), "within/b.TXT")
    assert read(tmp_path) == [*POEMS, *NAMES]


def test_folder_of_json_alone_is_read(tmp_path: Path) -> None:
    for number, entry in enumerate(ENTRIES):
        write(tmp_path, json.dumps([entry]), f"{number}.json")
    assert read(tmp_path) == POEMS


def test_folder_without_text_is_named(tmp_path: Path) -> None:
    assert refusal(tmp_path) == ": has no .txt or .json files. Check data.path."


def test_parts_of_whole_files_are_the_same_text_with_an_end_after_each(
    tmp_path: Path, small_blocks: None
) -> None:
    for name in ("a.txt", "b.txt"):
        write(tmp_path, "春眠\r\n不覺曉", name)
    corpus = Corpus(tmp_path)
    assert corpus.is_whole
    assert "".join(corpus.texts()) == "春眠\n不覺曉\0" * 2


# --- JSON -----------------------------------------------------------------------------------------

JSONS = {
    "list": json.dumps(ENTRIES),
    "list on many lines": json.dumps(ENTRIES, indent=4, ensure_ascii=False),
    "mark": "\ufeff" + json.dumps(ENTRIES),
    "one a line": "\n".join(map(json.dumps, ENTRIES)),
    "one a line of Windows": "\r\n".join(map(json.dumps, ENTRIES)) + "\r\n",
    "one after the other": "".join(json.dumps(entry, indent=1) for entry in ENTRIES),
}


@pytest.mark.parametrize("name", ["texts.json", "TEXTS.JSON", "texts.jsonl", "texts.txt", "texts"])
@pytest.mark.parametrize("content", JSONS.values(), ids=JSONS.keys())
def test_json_is_found_by_its_content(
    tmp_path: Path, content: str, name: str, small_blocks: None
) -> None:
    corpus = Corpus(write(tmp_path, content, name))
    assert [*corpus.documents()] == POEMS
    assert "JSON, a document an entry" in corpus.read_as


@pytest.mark.parametrize("content", ["[Verse 1]\nsea\n\n[Verse 2]\nwind", "{sea} and wind"])
def test_text_that_only_begins_like_json_is_text(tmp_path: Path, content: str) -> None:
    assert read(write(tmp_path, content)) == content.split("\n\n")


@pytest.mark.parametrize(
    ("entry", "document"),
    [
        ("空山", "空山"),
        ({"paragraphs": ["空山", "不見人"]}, "空山\n不見人"),
        ({"title": "", "paragraphs": ["空山"]}, "空山"),
        ({"title": None, "paragraphs": ["空山"]}, "空山"),
        ({"rhythmic": "如夢令", "paragraphs": ["空山"]}, "如夢令\n空山"),
        ({"title": "如夢令·空", "rhythmic": "如夢令", "paragraphs": ["空"]}, "如夢令·空\n空"),
        ({"dynasty": "yuan", "title": "天淨沙", "paragraphs": ["空山"]}, "天淨沙\n空山"),
        ({"chapter": "學而篇", "paragraphs": ["空山"]}, "學而篇\n空山"),
        ({"text": "空山", "stars": 5}, "空山"),
        ({"content": ["空山\r\n", "不\u200b見"]}, "空山\n\n不見"),
    ],
)
def test_entry_is_its_title_and_its_text(tmp_path: Path, entry: Any, document: str) -> None:
    assert read(write(tmp_path, json.dumps([entry]), "texts.json")) == [document]


def test_field_with_the_text_can_be_named(tmp_path: Path) -> None:
    entries = [{"title": "a", "text": "b", "review": "c"}]
    path = write(tmp_path, json.dumps(entries), "texts.json")
    assert read(path, field="review") == ["a\nc"]
    assert read(path, field="title") == ["a"]


@pytest.mark.parametrize(
    "entry",
    [
        {"title": "無題"},
        {"title": "無題", "paragraphs": ["空山不見人", 7]},
        {"paragraphs": None},
        {"poems": ENTRIES},
        None,
        7,
    ],
)
def test_entry_without_text_is_named_by_its_number(tmp_path: Path, entry: Any) -> None:
    message = refusal(write(tmp_path, json.dumps([*ENTRIES, entry]), "texts.json"))
    assert message == (
        ", entry 3: expected a text, or an object with a text, or a list of lines, in its field "
        f"paragraphs or text or content or body, got {str(entry)[:60]}. data.field=NAME takes "
        "another field."
    )


def test_entry_whose_title_is_no_string_is_named_by_its_number(tmp_path: Path) -> None:
    entry = {"title": 7, "paragraphs": ["空山不見人"]}
    message = refusal(write(tmp_path, json.dumps([*ENTRIES, entry]), "texts.json"))
    assert message == ", entry 3: expected a title, a string, got 7."


@pytest.mark.parametrize(
    ("content", "place", "problem"),
    [
        ('[\n  {"title": 春曉}\n]', "line 2, column 13", "not JSON (Expecting value)"),
        (
            '[\n{"title": "春曉",\n"paragraphs": [',
            "line 3, column 16",
            "not JSON (Expecting value)",
        ),
        ('["a" "b"]', "line 1, column 6", "expected a comma, or the list's end"),
        ('["a"]\n["b"]', "line 2, column 1", "expected nothing after the list's end"),
        ('{"text": "a"}\n{"text": "b', "line 2, column 10", "not JSON (Unterminated string"),
        ("[" * 100_000, "line 1, column 2", "expected entries of text, got one nested too deep"),
        (f"[{'1' * 5000}]", "line 1, column 2", "expected entries of text, got a number"),
    ],
)
def test_what_is_not_json_is_refused_with_its_line_and_column(
    tmp_path: Path, content: str, place: str, problem: str
) -> None:
    message = refusal(write(tmp_path, content, "texts.json"))
    assert message.startswith(f", {place}: {problem}")
    assert message.endswith(
        "Expected a list of entries, or one a line, each a text or an object with one."
    )


def test_place_in_json_is_right_after_many_parts(tmp_path: Path, small_blocks: None) -> None:
    message = refusal(write(tmp_path, json.dumps(ENTRIES, indent=1)[:-1] + "?]", "texts.json"))
    assert message.startswith(", line 17, column 1: expected a comma")


# --- characters that are refused ------------------------------------------------------------------


@pytest.mark.parametrize("name", ["texts.txt", "texts.json"])
def test_character_that_ends_documents_is_refused_within_one(tmp_path: Path, name: str) -> None:
    content = json.dumps(["one", "t\0wo"]) if name.endswith("json") else "one\n\nt\0wo"
    message = refusal(write(tmp_path, content, name))
    assert message.startswith(", document 2: has the character U+0000")


@pytest.mark.parametrize("half", [0xD83D, 0xDE00])
def test_half_a_character_is_refused_with_its_place(tmp_path: Path, half: int) -> None:
    entries = ["one", {"text": f"春{chr(half)}"}]
    assert refusal(write(tmp_path, json.dumps(entries), "texts.json")) == (
        f", document 2, character 2: has U+{half:04X}, half a character without its other "
        "half. Remove it."
    )


def test_character_beyond_the_first_plane_is_whole(tmp_path: Path) -> None:
    assert read(write(tmp_path, json.dumps(["\U0001f600"]), "texts.json")) == ["\U0001f600"]


# --- files that cannot be read --------------------------------------------------------------------


def test_missing_file_is_named_with_the_setting_to_check(tmp_path: Path) -> None:
    message = refusal(tmp_path / "missing.txt")
    assert message == ": cannot be read (No such file or directory). Check data.path."


def test_pipe_in_place_of_a_file_is_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    assert refusal(tmp_path / "pipe") == ": is neither a file nor a folder. Check data.path."


@pytest.mark.parametrize("content", ["", " \r\n\n", "\ufeff"])
@pytest.mark.parametrize("name", ["texts.txt", "texts.json"])
def test_empty_file_is_said_to_be_empty(tmp_path: Path, content: str, name: str) -> None:
    message = refusal(write(tmp_path, content, name))
    assert message == ": is empty. Expected text, plain or as JSON."


def test_checksum_is_the_files_sha256(tmp_path: Path) -> None:
    content = "\r\n\r\n".join(POEMS).encode()
    checksum = Corpus(write(tmp_path, content)).checksum()
    assert checksum == hashlib.sha256(content).hexdigest()
