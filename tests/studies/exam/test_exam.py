from pathlib import Path

import numpy as np
import pytest
import torch
from made import executed, values_of

from studies.exam.exam import Exam, draw, log_odds
from studies.exam.ruled import csv_text


def test_shipped_file_is_what_the_rule_gives() -> None:
    assert Exam.file.read_text(encoding="utf-8") == csv_text(draw())


def test_rule_is_the_documented_one() -> None:
    study, sleep = np.array([4.0, 5.0, 4.0, 4.0]), np.array([8.0, 8.0, 6.0, 10.0])
    assert log_odds(study, sleep).tolist() == [0, 1, -2, -2]


def test_best_loss_is_the_cross_entropy_of_the_rules_probabilities() -> None:
    hours = {"study": np.array([4.0, 5.0]), "sleep": np.array([8.0, 8.0])}  # odds 1 and e to 1
    expected = [np.log(2), np.log(1 + np.e) - 1]  # -log ½, and -log e / (1 + e)
    assert Exam().best_loss(hours, np.array([0, 1])) == pytest.approx(np.mean(expected))


def test_students_pass_as_often_as_the_rule_says() -> None:
    study, sleep, passed = draw().values()
    p = 1 / (1 + np.exp(-log_odds(study, sleep)))
    surprise = (passed - p).sum() / np.sqrt((p * (1 - p)).sum())
    assert abs(surprise) < 3  # deviations


def test_best_loss_of_all_students_is_near_what_is_expected() -> None:
    students = draw()
    odds = log_odds(students["study"], students["sleep"])
    p = 1 / (1 + np.exp(-odds))
    entropy = p * np.logaddexp(0, -odds) + (1 - p) * np.logaddexp(0, odds)
    deviation = np.sqrt((p * (1 - p) * odds**2).sum()) / len(p)
    assert abs(Exam().best_loss(students, students["passed"]) - entropy.mean()) < 3 * deviation


def test_parts_are_70_10_and_20_per_cent() -> None:
    splits = Exam().splits
    parts = splits.train, splits.val, splits.test
    assert [len(targets) for _, targets in parts] == [1400, 200, 400]
    assert {targets.unique().tolist() == [0, 1] for _, targets in parts} == {True}


def test_record_has_the_best_loss_of_its_own_validation_part() -> None:
    exam = Exam()
    inputs, targets = exam.splits.val
    scales = torch.tensor([*exam.state_dict()["scale"].values()])  # (2 columns, mean and deviation)
    study, sleep = (inputs * scales[:, 1] + scales[:, 0]).T.numpy()
    expected = exam.best_loss({"study": study, "sleep": sleep}, targets[:, 0].numpy())
    assert exam.facts["best_loss_val"] == pytest.approx(expected, abs=1e-4)


def test_another_split_seed_deals_others_to_the_test() -> None:
    one, other = (Exam(split_seed=seed).splits.test[0] for seed in (42, 7))
    assert not torch.equal(one, other)


@pytest.mark.slow
def test_exam_ends_once_its_loss_target_is_reached(tmp_path: Path) -> None:
    run = executed(tmp_path / "run", "experiment=exam", "callbacks=loss_target")
    losses = values_of(run.path / "metrics.csv", "val/loss")
    assert len(losses) < 1 + 100
    assert losses[-1] <= 0.32 < min(losses[:-1])
    assert "and the target was 0.32" in run.log_file.read_text()


def test_run_comes_near_the_best_possible_loss(tmp_path: Path) -> None:
    run = executed(tmp_path / "run", "experiment=exam", "optimizer.lr=0.01", "max_epochs=20")
    assert run.metrics()["val/loss"] == pytest.approx(Exam().facts["best_loss_val"], abs=0.02)


def test_truth_is_the_rules_probability_of_scaled_hours() -> None:
    exam = Exam()
    scale = np.array([*exam.splits.scale.values()])  # (2, 2): mean and deviation of each
    hours = np.array([[4.0, 8.0], [6.0, 8.0], [4.0, 6.0]])
    inputs = torch.from_numpy((hours - scale[:, 0]) / scale[:, 1])
    odds = np.array([0.0, 2.0, -2.0])
    assert exam.truth(inputs)[:, 0].numpy() == pytest.approx(1 / (1 + np.exp(-odds)))
