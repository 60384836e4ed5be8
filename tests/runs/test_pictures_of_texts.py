"""Pictures of language models, held against the net itself."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from seedbed.record.directory import RunDirectory
from seedbed.report.language import chosen, neighbours, next_tokens, shown_line
from seedbed.report.picture import Picture, pictures_of
from seedbed.runs.load import load
from seedbed.runs.view import open_view

Pictures = dict[str, Picture]


@pytest.fixture(scope="module")
def drawn(poems: RunDirectory) -> Pictures:
    return {picture.name: picture for picture in pictures_of(open_view(poems.path))}


def test_pictures_of_text(drawn: Pictures) -> None:
    names = ["training", "layers", "line", "next", "lens"]
    names += ["attention", "neighbours", "samples"]
    assert [*drawn] == names


# --- the next token -------------------------------------------------------------------------------


def test_losses_are_those_that_validation_logs(poems: RunDirectory) -> None:
    view = open_view(poems.path)
    losses, _, hits, rows = next_tokens(view)
    whole = len(view.datamodule.splits.val) - 1
    assert losses.size + whole % 24 == whole  # all but the last, shorter window
    assert rows == f"the first {losses.size:,} tokens of validation"
    assert losses.mean() == pytest.approx(view.run.final["val/loss"], abs=0.02)
    assert hits.mean() == pytest.approx(view.run.final["val/accuracy"], abs=0.02)


def test_loss_by_position_is_the_mean_over_windows(poems: RunDirectory, drawn: Pictures) -> None:
    view = open_view(poems.path)
    inputs, targets = next(iter(view.datamodule.val_dataloader()))
    losses, said, _, _ = next_tokens(view)
    logits = view.outputs(inputs[:4])
    expected = F.cross_entropy(logits.flatten(0, 1), targets[:4].flatten(), reduction="none")
    assert losses[:4].ravel() == pytest.approx(expected.numpy(), abs=1e-5)
    assert said[:4].ravel() == pytest.approx(
        logits.softmax(-1).amax(-1).flatten().numpy(), abs=1e-5
    )
    positions = drawn["next"].figure.axes[0].lines[0].get_ydata()
    assert np.mean(np.asarray(positions)) == pytest.approx(losses.mean(), abs=0.05)


# --- after each block -----------------------------------------------------------------------------


def test_lens_has_the_likeliest_characters_with_no_block_and_with_all(
    poems: RunDirectory, drawn: Pictures
) -> None:
    view = open_view(poems.path)
    line, vocabulary = shown_line(view)[:13], view.datamodule.vocabulary
    tokens = torch.from_numpy(vocabulary.encode(line[:-1]).astype(np.int64))[None]
    net, rows = view.net, []
    with torch.no_grad():
        embedded = F.rms_norm(net.token_embedding(tokens), (32,))
        for logits in (net.head(F.rms_norm(embedded, (32,))), net(tokens)):
            rows.append([vocabulary.decode([t]) for t in logits[0].argmax(-1).tolist()])
    shown = [one.get_text().replace("⏎", "\n") for one in drawn["lens"].figure.axes[0].texts]
    places = [row for row, text in enumerate(shown) if " block" in text]
    assert shown[1 : 1 + len(line)] == [*line]
    assert len(places) == 1 + len(net.blocks)
    for place, expected in zip((places[0], places[-1]), rows, strict=True):
        assert shown[place + 1 : place + len(line)] == expected


# --- attention ------------------------------------------------------------------------------------


def test_attention_of_the_gpt_is_what_its_values_are_mixed_by(poems: RunDirectory) -> None:
    net = load(poems.path).net
    first, mixed = net.blocks[0].attention, []
    first.project.register_forward_pre_hook(lambda _, inputs: mixed.append(inputs[0]))
    tokens = torch.randint(20, (1, 12))
    with torch.no_grad():
        weights = net.attention(tokens)[0]  # (heads, T, T)
        x = F.rms_norm(F.rms_norm(net.token_embedding(tokens), (32,)), (32,))
        value = first.query_key_value(x).view(12, 3, -1, 32)[:, 2].transpose(0, 1)
    expected = (weights @ value).transpose(0, 1).flatten(1)
    assert mixed[0][0].numpy() == pytest.approx(expected.numpy(), abs=1e-5)


def test_attention_has_a_panel_a_head_with_the_lines_characters(
    poems: RunDirectory, drawn: Pictures
) -> None:
    view = open_view(poems.path)
    line = shown_line(view)
    [axes] = drawn["attention"].figure.axes
    assert [one.get_text() for one in axes.texts[1::2]] == [*line]
    tokens = torch.from_numpy(view.datamodule.vocabulary.encode(line).astype(np.int64))[None]
    with torch.no_grad():
        expected = view.net.attention(tokens)[0, 0].sqrt().numpy()
    [heads] = axes.collections[:1]
    assert np.ma.getdata(heads.get_array()) == pytest.approx(expected, abs=1e-6)


# --- characters -----------------------------------------------------------------------------------


def test_neighbours_are_the_highest_cosines() -> None:
    vectors = torch.tensor([[1.0, 0.0], [2.0, 0.2], [0.0, 1.0], [-1.0, 0.0]])
    found = neighbours(vectors, [0], torch.arange(4))
    assert [token for token, _ in found[0]] == [1, 2, 3]
    assert [cosine for _, cosine in found[0]] == pytest.approx([0.99504, 0, -1], abs=1e-5)


def test_characters_shown_are_the_commonest_letters(poems: RunDirectory) -> None:
    data = load(poems.path).datamodule
    counts = dict(enumerate(data.counts.tolist()))
    tokens = chosen(open_view(poems.path))
    letters = [t for t in counts if data.vocabulary.decode([t]).isalpha()]
    assert {counts[t] for t in tokens} == {*sorted((counts[t] for t in letters), reverse=True)[:12]}


# --- samples --------------------------------------------------------------------------------------


def test_samples_are_kept_by_their_steps_and_shown(poems: RunDirectory, drawn: Pictures) -> None:
    lines = (poems.path / "samples.jsonl").read_text().splitlines()
    samples = {one["step"]: one["text"] for one in map(json.loads, lines)}
    assert [*samples] == [0, 10, 20, 30, 40]
    assert all(text.startswith("春山短歌") for text in samples.values())
    shown = [one.get_text() for one in drawn["samples"].figure.axes[0].texts]
    assert [words.split("\n")[0] for words in shown[::2]] == [f"step {n}" for n in samples]
    assert all(text.startswith("春山短歌") for text in shown[1::2])


def test_samples_file_that_is_damaged_gives_what_is_whole(tmp_path: Path) -> None:
    from seedbed.record.files import read_samples

    (tmp_path / "samples.jsonl").write_text('{"step": 2, "text": "b"}\n{"step": 1, "te\n[]\n')
    assert read_samples(tmp_path) == {2: "b"}


def test_text_without_a_font_is_drawn_as_code_points(
    poems: RunDirectory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("seedbed.report.style.CHINESE_FONTS", ())
    found = {picture.name: picture for picture in pictures_of(open_view(poems.path))}
    first = found["neighbours"].figure.axes[0].texts[0].get_text()
    assert first.startswith("\\u")
