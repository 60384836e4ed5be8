from pathlib import Path
from typing import Any

import pytest
import torch
from fixed import Fixed
from lightning import Trainer
from torch import Tensor, nn
from torch.optim import SGD

from seedbed.callbacks.robustness import Robustness, gradient_sign, shifted
from seedbed.data.rows import Rows
from seedbed.optim.schedules import Constant
from seedbed.record.files import read_rows
from seedbed.tasks.binary import BinaryTask
from seedbed.tasks.multiclass import MulticlassTask
from seedbed.tasks.regression import RegressionTask


def task_of(kind: Any, net: nn.Module) -> Any:
    return kind(net, optimizer=lambda net: SGD(net.parameters()), scheduler=Constant)


def evaluated(
    folder: Path,
    task: Any,
    rows: Rows,
    *,
    kind: type[Fixed] = Fixed,
    inference_mode: bool = False,
    **strengths: Any,
) -> list[dict[str, float]]:
    """The rows of the file after a test."""
    settings = {"noise": [], "shift": [], "fgsm": []} | strengths
    trainer = Trainer(
        accelerator="cpu",
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        inference_mode=inference_mode,
        callbacks=[Robustness(directory=str(folder), **settings)],
    )
    trainer.test(task, datamodule=kind(rows), verbose=False)
    return read_rows(folder / "robustness.csv", "accuracy")


def linear(weight: Tensor) -> nn.Module:
    net = nn.Linear(len(weight), 1, bias=False)
    net.weight.data = weight[None]
    return net


def test_direction_is_that_of_the_logistic_losss_gradient() -> None:
    weight, inputs = torch.tensor([2.0, -0.5, 0.1]), torch.randn(6, 3)
    targets = torch.tensor([[0.0], [1.0], [0.0], [1.0], [1.0], [0.0]])
    by_hand = torch.sign((torch.sigmoid(inputs @ weight[:, None]) - targets) * weight)
    assert torch.equal(gradient_sign(task_of(BinaryTask, linear(weight)), inputs, targets), by_hand)


@pytest.mark.parametrize("inference_mode", [True, False])
def test_step_costs_a_linear_net_the_rows_whose_margin_is_smaller(
    tmp_path: Path, inference_mode: bool
) -> None:
    weight, inputs = torch.tensor([1.0, -2.0]), torch.randn(300, 2)
    logits = inputs @ weight
    rows = (inputs, (logits > 0).float()[:, None])
    found = evaluated(
        tmp_path,
        task_of(BinaryTask, linear(weight)),
        rows,
        fgsm=[0.1, 0.5],
        inference_mode=inference_mode,
    )
    assert found == [
        {"accuracy": 1.0},
        *(
            {
                "fgsm": size,
                "accuracy": pytest.approx(float((logits.abs() > 3 * size).float().mean())),
            }
            for size in (0.1, 0.5)
        ),
    ]


def test_images_move_to_each_side_and_zeros_come_in() -> None:
    image = torch.tensor([[[[1.0, 2.0], [3.0, 4.0]]]])
    assert [moved[0, 0].tolist() for moved in shifted(image, 1)] == [
        [[0, 1], [0, 3]],
        [[2, 0], [4, 0]],
        [[0, 0], [1, 2]],
        [[3, 4], [0, 0]],
    ]


class Brightest(nn.Module):
    """Takes an image of 2 × 2 for the class of its brightest pixel, and notes what it saw."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[Tensor] = []

    def forward(self, images: Tensor) -> Tensor:
        self.seen.append(images.detach())
        return images.flatten(1)


def test_shift_is_the_mean_of_four_and_images_keep_their_range(tmp_path: Path) -> None:
    rows = (torch.eye(4).reshape(4, 1, 2, 2), torch.arange(4))
    net = Brightest()
    found = evaluated(tmp_path, task_of(MulticlassTask, net), rows, shift=[1], noise=[9], fgsm=[9])
    assert [row.keys() - {"accuracy"} for row in found] == [set(), {"noise"}, {"shift"}, {"fgsm"}]
    # Where the pixel has left the image, all are equal and the first class is taken: that is class
    # 0's right in two of its four images.
    assert found[2]["accuracy"] == pytest.approx(2 / 16)
    assert all(seen.min() >= 0 and seen.max() <= 1 for seen in net.seen)


def test_noise_is_the_same_for_every_run(tmp_path: Path) -> None:
    rows = (torch.randn(200, 2), torch.randint(2, (200, 1)).float())
    first, second = (
        evaluated(tmp_path, task_of(BinaryTask, linear(torch.ones(2))), rows, noise=[1.0])
        for _ in range(2)
    )
    assert first == second
    assert first[0] != first[1]


class Embedded(Fixed):
    """Rows whose last input is the number of a level."""

    @property
    def embedded(self) -> list[int]:
        return [3]


def test_number_of_a_level_gets_no_noise(tmp_path: Path) -> None:
    rows = (torch.tensor([[0.5, 3.0], [-0.5, 1.0]]), torch.tensor([0, 1]))
    net = Brightest()
    evaluated(tmp_path, task_of(MulticlassTask, net), rows, kind=Embedded, noise=[9.0])
    changed = [(seen != rows[0]).any(dim=0).tolist() for seen in net.seen]
    assert [one for one in changed if any(one)] == [[True, False]]


def test_regression_has_no_file_and_that_is_said(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    task = task_of(RegressionTask, linear(torch.ones(2)))
    assert evaluated(tmp_path, task, (torch.ones(4, 2), torch.ones(4, 1)), noise=[1.0]) == []
    assert "callbacks.robustness measures nothing here: it is for classifiers" in caplog.text


def test_strength_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="noise=\\[0\\]: expected numbers above 0"):
        Robustness(directory="", noise=[0])
