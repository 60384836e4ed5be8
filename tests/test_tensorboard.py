"""Under which tags TensorBoard shows what, sorted as its front end and its HPARAMS tab sort."""

from itertools import groupby

import pytest

from seedbed.config.compose import composed
from seedbed.tensorboard import BEST, FINAL, tag

LOGGED = {
    "val/loss": "1_loss/val",
    "train/loss": "1_loss/train",
    "batches/loss": "1_loss/batch",
    "val/accuracy": "2_accuracy/val",
    "batches/learning_rate": "3_learning_rate/batch",
    "learning_rate/embeddings": "3_learning_rate/embeddings",
    "throughput/rows_per_second": "4_throughput/rows_per_second",
    "memory/peak_mib": "5_memory/peak_mib",
    "train/gradient_norm": "6_gradient_norm/all",
    "layers/gradient/body.0": "6_gradient_norm/body.0",
    "layers/update/body.0": "6_update_to_weight/body.0",
    "val/f1": "7_f1/val",
    "test/f1": "8_test/f1",
    "their_own": "their_own",
}


def shown(name: str) -> str:
    found = tag(name, frozenset({"accuracy"}))
    assert found
    return found


@pytest.mark.parametrize(("name", "expected"), LOGGED.items())
def test_metric_has_its_place(name: str, expected: str) -> None:
    assert shown(name) == expected


@pytest.mark.parametrize("name", ["epoch", "step", "learning_rate", "test/loss", "test/accuracy"])
def test_what_is_no_curve_or_stands_elsewhere_has_none(name: str) -> None:
    assert tag(name, frozenset({"accuracy"})) is None


def test_losses_come_first_then_headline_rate_throughput_and_memory() -> None:
    # The front end puts digits, _ and / before all else.
    tags = sorted((shown(name) for name in LOGGED), key=lambda t: (not t[0].isdigit(), t))
    groups = [group for group, _ in groupby(tags, key=lambda t: t.partition("/")[0])]
    assert groups[:5] == ["1_loss", "2_accuracy", "3_learning_rate", "4_throughput", "5_memory"]


def test_final_figures_come_first_where_tags_sort_by_character() -> None:
    final = [f"{BEST}{name}" for name in FINAL]
    assert sorted([*final, *map(shown, LOGGED)])[: len(final)] == sorted(final)
    assert not BEST[0].isdigit()  # so that under Scalars they are behind the curves


@pytest.mark.parametrize(
    ("typed", "name"),
    [
        ([], ""),
        (["experiment=dots", "hydra.job.chdir=false", "logger=csv", "paths.data_dir=/a/b"], ""),
        (["optimizer=momentum", "optimizer.lr=0.1"], "momentum_lr-0.1_"),
        (["net.hidden=[32,32]", "seed=3"], "hidden-32-32_seed-3_"),
    ],
)
def test_run_is_called_by_what_differs_and_its_time(typed: list[str], name: str) -> None:
    folder = str(composed(typed).hydra.run.dir).rpartition("/")[2]
    assert folder.startswith(f"{name}20")
