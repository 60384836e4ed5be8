"""Pictures of the lesson's net, and beside its curve."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from seedbed.record.run import read_run
from seedbed.report.view import View
from studies.poems.gpt_tutorial import TutorialGPT
from studies.poems.poems import LESSON, PoemsTutorial


def test_attention_of_the_lessons_gpt_is_causal_and_sums_to_one() -> None:
    net = TutorialGPT(vocabulary_size=20, context=16).eval()
    tokens = torch.randint(20, (1, 12))
    with torch.no_grad():
        weights = net.attention(tokens)
        changed = net.attention(torch.cat([tokens[:, :-1], (tokens[:, -1:] + 1) % 20], 1))
    assert weights.shape == (4, 4, 12, 12)
    assert weights.sum(-1).numpy() == pytest.approx(np.ones((4, 4, 12)), abs=1e-5)
    assert float(weights.triu(1).abs().max()) == 0
    assert torch.equal(weights[..., :-1, :], changed[..., :-1, :])


def test_losses_are_drawn_beside_the_lessons_over_characters(
    make_run: Callable[..., Path], tmp_path: Path
) -> None:
    data = PoemsTutorial(data_dir=str(tmp_path), batch_size=8)
    [picture] = data.pictures(View(read_run(make_run("0", [9, 7, 5])), None, data))
    lines = {str(line.get_label()): line.get_xydata() for line in picture.figure.axes[0].lines}
    lesson = np.array([(step * 4096 / 1e6, loss) for step, loss in LESSON["val"]])
    assert np.asarray(lines["TutorialLLM, evaluation"]) == pytest.approx(lesson)
    ours = np.array([[0, 9], [2048e-6, 7], [4096e-6, 5]])
    assert np.asarray(lines["here, evaluation"]) == pytest.approx(ours)


def test_run_that_validates_on_the_training_part_is_not_held_against_the_lesson(
    make_run: Callable[..., Path], tmp_path: Path
) -> None:
    data = PoemsTutorial(data_dir=str(tmp_path), validation="training")
    assert not [*data.pictures(View(read_run(make_run("0", [9, 7])), None, data))]
