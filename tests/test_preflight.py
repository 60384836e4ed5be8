from pathlib import Path
from typing import Any

import pytest

from seedbed.build import check_targets
from seedbed.compose import composed, plain
from seedbed.errors import SettingError
from seedbed.preflight import check
from seedbed.shell import setting_problems

NAMES = {
    "experiment=lime": "experiment=lime: no such experiment; did you mean line?",
    "trainer=cpi": "trainer=cpi: no such trainer; did you mean cpu?",
    "net=resnet": "net=resnet: no such net; there is ",
    "scheduler=null": "scheduler=null: no such scheduler; ",
    "optimizer.lrr=1": "optimizer.lrr: no such setting; did you mean optimizer.lr?",
    "max_epoch=1": "max_epoch: no such setting; did you mean max_epochs",
    "optimzer=sgd": "optimzer: no such setting; did you mean optimizer?",
    "traner.devices=2": "traner.devices: no such setting; did you mean trainer?",
    "hydra.run.dirr=x": "hydra.run.dirr: no such setting; did you mean hydra.run.dir?",
    "seed.x=1": "seed.x: no such setting; seed has none below it.",
    "optimizer=sgd,adamw": "optimizer=sgd,adamw: several values; to train with each",
    "seed=1,2": "seed=1,2: several values; to train with each, add --multirun",
    "optimizer@extra=sgd": "To append to your default list use +optimizer@extra=sgd",
    "data.points=[1": "data.points=[1: cannot be read",
}
"""Overrides that Hydra stops at, and what is said of each."""

TYPES = {
    "optimizer.lr=abc": "a number, got a text",
    "net.dropout=none": "a number, got a text",
    "max_epochs=1.5": "a whole number, got a number",
    "max_steps=true": "a whole number, got true or false",
    "seed=null": "a whole number, got null",
    "compile=1": "true or false, got a whole number",
    "prompt=3": "a text, got a whole number",
    "mode=less": "min or max, got a text",
    "net.activation=swish": "relu or gelu or tanh or sigmoid, got a text",
    "data.batch_size=half": "a whole number or full, got a text",
    "check_val_every_n_epoch=often": "a whole number or null, got a text",
    "net.hidden=10": "a list of which each is a whole number, got a whole number",
    "data.points='3'": "a whole number, got a text",
}
"""Overrides that Hydra lets pass, and what is wanted instead."""


def settings(*overrides: str) -> dict[str, Any]:
    return plain(composed([*overrides]))


def refusal(*overrides: str) -> str:
    """What the check says against a command line that Hydra takes."""
    with pytest.raises(SettingError) as caught:
        check(settings(*overrides))
    return str(caught.value)


def problems(*overrides: str) -> str:
    """What is said about a command line that Hydra does not take."""
    return "\n".join(setting_problems([*overrides]))


@pytest.fixture(scope="module")
def told_about_names() -> str:
    return problems(*NAMES)


@pytest.fixture(scope="module")
def told_about_types() -> str:
    return refusal(*TYPES)


@pytest.mark.parametrize("override", NAMES)
def test_override_that_hydra_refuses_is_explained(override: str, told_about_names: str) -> None:
    assert NAMES[override] in told_about_names


@pytest.mark.parametrize("override", TYPES)
def test_value_of_a_wrong_type_is_told_which_is_wanted(
    override: str, told_about_types: str
) -> None:
    shown = override.replace("'", "")
    assert f"{shown}: expected {TYPES[override]}." in told_about_types


def test_unknown_key_without_a_near_one_lists_those_beside_it() -> None:
    listed = "there is data.batch_size, data.draw_seed, data.held_out, data.points, data.seed."
    assert problems("data.xyz=1") == f"data.xyz: no such setting; {listed}"


def test_several_wrong_settings_are_reported_together() -> None:
    found = problems("optimizer=adamv", "net.dropuot=0", "seed=null", "optimizer.lr=abc")
    for name in ("optimizer=adamv", "net.dropuot", "seed=null", "optimizer.lr=abc"):
        assert f"{name}: " in found


def test_command_line_without_a_mistake_has_no_problems() -> None:
    assert setting_problems(["experiment=line", "optimizer=adamw", "optimizer.lr=0.1"]) == []


def test_pair_of_numbers_is_wanted_where_the_constructor_takes_one() -> None:
    message = refusal("optimizer=adamw", "optimizer.betas=0.9")
    assert message == "optimizer.betas=0.9: expected [a number, a number], got a number."


def test_list_is_checked_item_by_item() -> None:
    message = refusal("net.hidden=[10,ten]")
    assert "net.hidden=[10,ten]: expected a list of which each is a whole number" in message


def test_whole_number_is_a_number() -> None:
    check(settings("optimizer.lr=1"))


def test_unknown_monitor_names_the_nearest_metric() -> None:
    assert refusal("monitor=val/los") == (
        "monitor=val/los: no such metric; did you mean val/loss or val/mse?"
    )


def test_net_that_does_not_fit_the_data_is_refused() -> None:
    assert refusal("net=gpt") == (
        "net: seedbed.nets.gpt.GPT is made from vocabulary_size, context, this data gives "
        "inputs, outputs. Choose another net, or other data."
    )


def test_task_that_does_not_fit_the_data_is_refused() -> None:
    assert refusal("task=binary") == (
        "task: this is for binary, but the data is for regression; choose task=regression."
    )


def test_table_without_a_file_is_refused() -> None:
    assert refusal("data=table") == (
        "data.path=null: expected a text, got null.\ndata.target=null: expected a text, got null."
    )


@pytest.mark.parametrize("task", ["regression", "binary"])
def test_table_is_for_the_task_that_is_chosen(task: str) -> None:
    config = settings("data=table", "data.path=my.csv", "data.target=y", f"task={task}")
    check(config)
    assert config["data"]["kind"] == task


def test_table_for_another_task_is_refused() -> None:
    message = refusal("data=table", "data.path=my.csv", "data.target=y", "task=multiclass")
    assert message == "data.kind=multiclass: expected regression or binary, got a text."


def test_fit_without_an_end_is_refused() -> None:
    assert "the fit would never end" in refusal("max_epochs=-1", "max_steps=-1")


def test_setting_that_nothing_reads_is_refused() -> None:
    config = settings() | {"max_epoch": 3}
    with pytest.raises(SettingError, match="max_epoch: no such setting; did you mean max_epochs"):
        check(config)


@pytest.mark.parametrize("group", ["scheduler", "logger"])
def test_group_that_was_taken_away_is_refused(group: str) -> None:
    assert refusal(f"~{group}") == f"{group}: there is none; choose one, {group}=NAME."


def test_callback_that_is_no_constructor_is_refused() -> None:
    assert refusal("+callbacks.extra=3") == (
        "callbacks.extra=3: expected a `_target_` and its arguments."
    )


def test_callback_may_be_switched_off() -> None:
    check(settings("callbacks.progress=null"))


def test_missing_required_argument_is_named() -> None:
    message = refusal("~callbacks.checkpoints.monitor")
    assert message == (
        "callbacks.checkpoints.monitor: is required by seedbed.callbacks.checkpoints.Checkpoints."
    )


@pytest.mark.parametrize(
    "nest",
    [
        lambda node: {"net": node},
        lambda node: {"callbacks": {"first": {"second": node}}},
        lambda node: {"net": {"_target_": "seedbed.nets.mlp.MLP", "hidden": [[node]]}},
        lambda node: {"paths": {"data_dir": ({"deep": node},)}},
    ],
    ids=["group", "dict", "list", "tuple"],
)
def test_target_outside_the_allowed_is_refused_before_anything_is_imported(
    nest: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    witness = tmp_path / "imported"
    (tmp_path / "stranger.py").write_text(f"open({str(witness)!r}, 'w')\nNet = dict\n")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(SettingError, match=r"stranger\.Net is not among the classes"):
        check(settings() | nest({"_target_": "stranger.Net"}))
    assert not witness.exists()


@pytest.mark.parametrize("target", ["torch.hub.load", "torch.optim.Adam.step", "builtins.eval"])
def test_target_is_allowed_by_its_exact_name_only(target: str) -> None:
    with pytest.raises(SettingError, match="is not among the classes"):
        check_targets({"optimizer": {"_target_": target}})


def test_every_target_outside_the_allowed_is_named() -> None:
    with pytest.raises(SettingError) as caught:
        check_targets({"net": {"_target_": "os.system"}, "task": {"_target_": "os.remove"}})
    assert "os.system" in str(caught.value)
    assert "os.remove" in str(caught.value)
