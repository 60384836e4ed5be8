"""The lessons' programs are what the lessons have, so that what is measured beside them counts."""

import math
from pathlib import Path

import pytest
import torch
from copied import python
from stub_project import REPOSITORY

from benchmarks.lessons import poem_gpt
from benchmarks.mnist import LESSON

VOCABULARY = 8_548


def test_poem_gpt_has_as_many_parameters_as_the_lesson_says() -> None:
    model = poem_gpt.LessonGPT(VOCABULARY)
    assert sum(p.numel() for p in model.parameters()) == 1_318_372


def test_poem_gpt_computes_what_the_shipped_tutorial_net_does() -> None:
    tutorial = pytest.importorskip("studies.poems.gpt_tutorial")
    torch.manual_seed(0)
    lesson, shipped = (
        poem_gpt.LessonGPT(50),
        tutorial.TutorialGPT(vocabulary_size=50, context=256),
    )
    with torch.no_grad():
        for ours, theirs in zip(shipped.parameters(), lesson.parameters(), strict=True):
            ours.copy_(theirs)
    tokens = torch.randint(50, (2, 30))
    torch.testing.assert_close(lesson(tokens), shipped(tokens))


def test_poem_gpt_starts_near_the_loss_that_the_default_initialisation_gives(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(poem_gpt, "EVALUATION_BATCHES", 5)
    torch.manual_seed(0)
    loss = poem_gpt.evaluate(poem_gpt.LessonGPT(500), torch.randint(500, (2000,)))
    assert loss == pytest.approx(math.log(500) + 1 / 6, abs=0.1)


def test_windows_targets_are_its_inputs_one_character_on() -> None:
    inputs, targets = poem_gpt.random_batch(torch.arange(1000))
    assert inputs.shape == (poem_gpt.BATCH, poem_gpt.CONTEXT)
    assert targets.equal(inputs + 1)


def test_lessons_text_goes_on_beyond_its_context() -> None:
    prompt = torch.zeros(1, poem_gpt.CONTEXT, dtype=torch.long)
    written = poem_gpt.LessonGPT(5).generate(prompt, 2)
    assert written.shape == (1, poem_gpt.CONTEXT + 2)


@pytest.mark.slow
@pytest.mark.corpus
def test_poem_gpt_has_the_lessons_losses_after_no_step_and_after_100() -> None:
    """The lesson's log: 9.2029 and 6.2829; its seed and its draws are not ours."""
    first, later = poem_gpt.main(100, evaluated=True)["evaluations"]
    assert first == pytest.approx(9.2029, abs=0.1)
    assert later == pytest.approx(6.2829, abs=0.05)


def digits(folder: Path, name: str, count: int) -> None:
    """MNIST's two files of a part, of images of which one bar is lit, at a place for each class."""
    labels = torch.arange(count) % 10
    images = torch.eye(10, dtype=torch.long).repeat_interleave(78, dim=1)[labels] * 255
    images = torch.nn.functional.pad(images, (0, 4))  # to 28 × 28 pixels
    for kind, shape, values in (
        ("images-idx3", (count, 28, 28), images.flatten()),
        ("labels-idx1", (count,), labels),
    ):
        head = bytes([0, 0, 8, len(shape)]) + b"".join(size.to_bytes(4) for size in shape)
        (folder / f"{name}-{kind}-ubyte").write_bytes(head + bytes(values.tolist()))


@pytest.mark.slow
def test_mnists_script_ends_with_the_tests_accuracy(tmp_path: Path) -> None:
    raw = tmp_path / "MNIST" / "raw"
    raw.mkdir(parents=True)
    digits(raw, "train", 60_000)
    digits(raw, "t10k", 100)
    done = python("-m", "benchmarks.lessons.mnist", tmp_path, "42", "1", cwd=REPOSITORY)
    assert done.stdout.startswith("epoch 1: train loss ")
    found = LESSON.search(done.stdout)
    assert found
    assert float(found[1]) > 0.9
