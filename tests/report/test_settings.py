from typing import Any

import pytest

from seedbed.record.settings import listed
from seedbed.report.settings import Differences, differences


def config(**changed: Any) -> dict[str, Any]:
    """A flat configuration; `__` stands for a dot."""
    seed = changed.get("seed", 1)
    steps = changed.get("max_steps", 10)
    usual = {
        "experiment_name": "line",
        "seed": seed,
        "max_steps": steps,
        "data.seed": seed,
        "data.draw_seed": 42,
        "trainer.max_steps": steps,
        "optimizer._target_": "torch.optim.SGD",
        "optimizer.lr": 0.01,
    }
    return usual | {key.replace("__", "."): value for key, value in changed.items()}


def labels(found: Differences, count: int) -> list[str]:
    return [found.label(number) for number in range(count)]


def test_setting_that_differs_is_the_label() -> None:
    found = differences([config(optimizer__lr=0.1), config(optimizer__lr=0.001)])
    assert labels(found, 2) == ["lr=0.1", "lr=0.001"]
    assert [(setting.name, setting.numeric) for setting in found.settings] == [
        ("optimizer.lr", True)
    ]


@pytest.mark.parametrize("name", ["seed", "data__draw_seed"])
def test_seeds_do_not_tell_runs_apart_but_are_recorded(name: str) -> None:
    found = differences([config(**{name: 1}), config(**{name: 2})])
    assert found.settings == []
    assert found.columns == {name.replace("__", "."): (1, 2)}


def test_setting_handed_on_by_interpolation_is_there_once() -> None:
    found = differences([config(max_steps=10), config(max_steps=20)])
    assert labels(found, 2) == ["max_steps=10", "max_steps=20"]


def test_equal_values_of_settings_with_other_names_are_both_there() -> None:
    found = differences([config(net__depth=n, data__context=n) for n in (1, 2)])
    assert labels(found, 2) == ["depth=1 context=1", "depth=2 context=2"]


def test_last_part_of_a_name_that_two_settings_have_is_not_enough() -> None:
    found = differences(
        [config(optimizer__warmup=a, scheduler__warmup=b) for a, b in [(0, 1), (1, 2), (1, 1)]]
    )
    assert labels(found, 1) == ["optimizer.warmup=0 scheduler.warmup=1"]


def test_class_and_the_arguments_only_some_take_are_one_choice() -> None:
    adam = {"optimizer___target_": "torch.optim.Adam", "optimizer__betas": [0.9, 0.999]}
    found = differences(
        [
            config(**option, optimizer__lr=lr)
            for option in ({}, {"optimizer__momentum": 0.9}, adam)
            for lr in (0.1, 1.0)
        ]
    )
    assert [setting.name for setting in found.settings] == ["optimizer", "optimizer.lr"]
    assert labels(found, 6) == [
        "SGD lr=0.1",
        "SGD lr=1",
        "SGD momentum=0.9 lr=0.1",
        "SGD momentum=0.9 lr=1",
        "Adam lr=0.1",
        "Adam lr=1",
    ]


def test_default_that_comes_with_a_choice_is_implied_not_a_label() -> None:
    adam = config(optimizer___target_="torch.optim.Adam", optimizer__lr=0.001)
    found = differences([config(), adam])
    assert labels(found, 2) == ["SGD", "Adam"]
    assert found.implied == ["optimizer.lr"]
    assert found.columns["optimizer.lr"] == (0.01, 0.001)


def test_all_that_comes_with_an_experiment_is_implied() -> None:
    found = differences([config(), config(experiment_name="sine", max_steps=99)])
    assert labels(found, 2) == ["line", "sine"]
    assert found.implied == ["max_steps"]


def test_what_was_typed_comes_first_and_is_never_implied() -> None:
    adam = config(optimizer___target_="torch.optim.Adam", optimizer__lr=0.001, max_steps=5)
    found = differences([config(), adam], [["optimizer.lr"], ["optimizer", "max_steps"]])
    assert labels(found, 2) == ["SGD lr=0.01 max_steps=10", "Adam lr=0.001 max_steps=5"]
    assert found.implied == []


def test_short_label_leaves_out_what_others_typed() -> None:
    runs = [config(max_steps=5), config(optimizer__lr=0.1)]
    found = differences(runs, [["max_steps"], ["optimizer.lr"]])
    assert [found.short_label(run) for run in (0, 1)] == ["max_steps=5", "lr=0.1"]


def test_part_that_is_switched_off_is_named_by_what_is_missing() -> None:
    samples = {"callbacks__samples___target_": "seedbed.callbacks.samples.TextSamples"}
    found = differences([config(**samples), config(callbacks__samples=None)])
    assert labels(found, 2) == ["TextSamples", "no samples"]


def test_setting_an_older_version_lacked_equals_null() -> None:
    assert differences([config(), config(schedule_steps=None)]).settings == []


def test_what_is_only_shown_where_it_lies_and_whether_it_is_tested_tells_no_runs_apart() -> None:
    shown = config(print_every=1, paths__data_dir="/a", callbacks__progress__every=1, test=True)
    other = config(print_every=9, paths__data_dir="/b", callbacks__progress__every=9, test=False)
    found = differences([shown, other], [["test"], []])
    assert found.settings == []


def test_values_are_as_they_are_typed() -> None:
    values = [[10, 20], True, None, "full", 1e-05]
    found = differences([config(net__hidden=value) for value in values])
    assert labels(found, 5) == [
        "hidden=[10,20]",
        "hidden=true",
        "hidden=null",
        "hidden=full",
        "hidden=1e-05",
    ]


def test_listed_settings_stand_once_with_classes_by_name() -> None:
    config = {
        "seed": 1,
        "max_steps": 5,
        "optimizer._target_": "torch.optim.Adam",
        "optimizer.betas": [0.9, 0.99],
        "data._target_": "stubs.data.Dots",
        "data.seed": 1,
        "trainer.max_steps": 5,
        "trainer.gradient_clip_val": None,
        "compile": False,
        "logger.csv._target_": "seedbed.loggers.CSVLogger",
    }
    assert listed(config) == {
        "seed": 1,
        "max_steps": 5,
        "optimizer": "Adam",
        "optimizer.betas": "[0.9,0.99]",
        "data": "Dots",
        "trainer.gradient_clip_val": "null",
        "compile": "false",
    }
