import shlex
from pathlib import Path
from typing import Any

import pytest
from lightning.pytorch.accelerators import CUDAAccelerator

from seedbed.config.checks import check
from seedbed.config.compose import composed, plain
from seedbed.errors import SettingError
from seedbed.tasks.regression import RegressionTask

TYPES = {
    "optimizer.lr=abc": "a number, got a text",
    "net.dropout=none": "a number, got a text",
    "max_epochs=1.5": "a whole number, got a number",
    "max_steps=true": "a whole number, got true or false",
    "seed=null": "a whole number, got null",
    "compile=1": "true or false, got a whole number",
    "mode=less": "min or max or null, got a text",
    "net.activation=swish": "relu or gelu or tanh or sigmoid, got a text",
    "data.batch_size=half": "a whole number or full, got a text",
    "check_val_every_n_epoch=often": "a whole number or null, got a text",
    "net.hidden=10": "a list of which each is a whole number, got a whole number",
    "data.points='3'": "a whole number, got a text",
    "data.input_noise=nan": "a number, got nan",
}
"""Overrides that Hydra lets pass, and what is wanted instead."""


def settings(*overrides: str) -> dict[str, Any]:
    return plain(composed([*overrides]))


def refusal(*overrides: str) -> str:
    """What the check says against a command line that Hydra takes."""
    with pytest.raises(SettingError) as caught:
        check(settings(*overrides))
    return str(caught.value)


@pytest.fixture(scope="module")
def refusal_of_types() -> str:
    return refusal(*TYPES)


@pytest.mark.parametrize("override", TYPES)
def test_value_of_a_wrong_type_is_refused_with_the_expected_one(
    override: str, refusal_of_types: str
) -> None:
    shown = override.replace("'", "")
    assert f"{shown}: expected {TYPES[override]}." in refusal_of_types


def test_pair_of_numbers_is_wanted_where_the_constructor_takes_one() -> None:
    message = refusal("optimizer=adamw", "optimizer.betas=0.9")
    assert message == "optimizer.betas=0.9: expected [a number, a number], got a number."


@pytest.mark.parametrize(
    ("override", "typed"),
    [
        ("data.target=2020", """'data.target="2020"'"""),
        ("data.features=[2019,x]", """'data.features=["2019", "x"]'"""),
    ],
)
def test_number_that_is_meant_as_a_text_is_shown_as_it_is_typed(override: str, typed: str) -> None:
    table = ("data=table", "data.path=a.csv", "data.target=y")
    assert refusal(*table, override).endswith(f" As a text it is typed {typed}.")
    check(settings(*table, *shlex.split(typed)))


def test_list_is_checked_item_by_item() -> None:
    message = refusal("net.hidden=[10,ten]")
    assert "net.hidden=[10,ten]: expected a list of which each is a whole number" in message


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["trainer=overfit", "trainer.max_steps=-1"], "the fit would never end"),
        (["trainer.max_steps=0"], "trainer.max_steps=0: expected 1 or more, or -1 for no limit."),
        (["trainer.max_epochs=0"], "trainer.max_epochs=0: expected 1 or more, or -1 for no limit."),
        (["trainer.val_check_interval=0"], "trainer.val_check_interval=0: expected a share of an"),
        (
            ["trainer.check_val_every_n_epoch=0"],
            "trainer.check_val_every_n_epoch=0: expected 1 or more.",
        ),
    ],
    ids=str,
)
def test_trainers_own_lengths_are_checked_too(overrides: list[str], message: str) -> None:
    assert message in refusal(*overrides)


def test_length_that_the_trainer_takes_over_is_reported_once() -> None:
    expected = "max_epochs=0: expected 1 or more, or -1 for no limit."
    assert refusal("max_epochs=0") == expected


def test_mode_that_is_not_given_is_the_metrics_own_in_each_callback() -> None:
    accurate = ("experiment=marks", "callbacks.checkpoints.monitor=val/accuracy")
    config = settings(*accurate)
    check(config)
    assert (config["mode"], config["callbacks"]["checkpoints"]["mode"]) == ("min", "max")
    place = "callbacks.checkpoints."
    assert refusal(*accurate, f"{place}mode=min") == (
        f"{place}mode=min: the best val/accuracy is its max; set {place}mode=max."
    )


def test_metric_of_ones_own_may_be_better_either_way(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(RegressionTask, "metric_names", ("loss", "sharpness"))
    for mode in ("min", "max"):
        check(settings("monitor=val/sharpness", f"mode={mode}"))
    assert "val/sharpness is its lowest or its highest is not known" in refusal(
        "monitor=val/sharpness"
    )


def test_experiment_in_the_wrong_place_is_refused_with_what_its_file_lacks() -> None:
    with pytest.raises(SettingError) as caught:
        check(settings() | {"experiment": {"max_epochs": 3}})
    assert str(caught.value) == (
        "experiment: its file must begin with # @package _global_, and without a byte order mark."
    )


def test_setting_of_what_has_none_is_refused() -> None:
    message = refusal("+callbacks.throughput.digits=3")
    assert message == "callbacks.throughput.digits: no such setting; there is none."


def test_text_is_no_list_of_its_characters() -> None:
    message = refusal("data=table", "data.path=a.csv", "data.target=y", "data.features=age")
    wanted = "expected a list of which each is a text or null, got a text."
    assert message == f"data.features=age: {wanted}"


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


def test_size_that_only_data_gives_is_no_setting() -> None:
    message = refusal("experiment=marks", "net=cnn", "+net.channels=1")
    assert "net.channels: no such setting" in message
    assert "net: seedbed.nets.cnn.CNN is made from channels, outputs" in message


def test_task_that_does_not_fit_the_data_is_refused() -> None:
    assert refusal("task=binary") == (
        "task: this is for binary, but the data is for regression; choose task=regression."
    )


@pytest.mark.parametrize("data", ["table", "images", "text"])
def test_data_without_a_file_is_refused_with_what_to_type(data: str) -> None:
    said = refusal(f"experiment={data}", "data.path=null")
    assert "data.path: expected the name of a file or folder, as data.path=FILE." in said
    assert ("data.target: expected a column's name, as data.target=COLUMN." in said) == (
        data == "table"
    )


@pytest.mark.parametrize("task", ["regression", "binary", "multiclass"])
def test_table_is_for_the_task_that_is_chosen(task: str) -> None:
    config = settings("data=table", "data.path=my.csv", "data.target=y", f"task={task}")
    check(config)
    assert config["data"]["kind"] == task


def test_table_for_another_task_is_refused() -> None:
    message = refusal("data=table", "data.path=my.csv", "data.target=y", "task=language")
    assert "data.kind=language: expected regression or binary or multiclass" in message


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
    with pytest.raises(SettingError, match=r"stranger\.Net may not be constructed here"):
        check(settings() | nest({"_target_": "stranger.Net"}))
    assert not witness.exists()


def test_module_of_a_package_that_is_not_listed_is_the_only_cause_that_is_named() -> None:
    message = refusal("experiment=none", "data=dots", "+task._target_=mine.Module")
    assert message.startswith("_target_: mine.Module may not be constructed here")
    assert "\n" not in message


@pytest.mark.parametrize(
    "group", ["callbacks", "data", "init", "logger", "net", "optimizer", "scheduler", "task"]
)
@pytest.mark.parametrize("target", [["stranger.Net"], {"a": 1}, 3, None])
def test_target_that_is_no_text_is_refused(group: str, target: object) -> None:
    node = {"_target_": target}
    with pytest.raises(SettingError, match=r"_target_: .* may not be constructed here"):
        check(settings() | {group: {"x": node} if group in ("callbacks", "logger") else node})


def test_wrong_target_and_missing_group_hide_no_other_mistake() -> None:
    config = settings("optimizer.lr=abc", "data.points=x", "seed=null")
    config["net"]["_target_"] = "os.system"
    config["callbacks"]["progress"]["_target_"] = "os.remove"
    del config["init"]
    with pytest.raises(SettingError) as caught:
        check(config)
    for mistake in ("os.system may", "os.remove may", "optimizer.lr=abc: ", "data.points=x: "):
        assert mistake in str(caught.value)
    for mistake in ("seed=null: ", "init: there is none"):
        assert mistake in str(caught.value)


@pytest.mark.parametrize(
    "override", ["max_steps=many", "max_epochs=1.5", "seed=null", "seed=-1", "weights=3", "mode=no"]
)
def test_wrong_value_is_reported_once_however_many_settings_take_it_over(override: str) -> None:
    message = refusal("callbacks=samples", override)
    assert len(message.splitlines()) == 1
    assert message.startswith(f"{override}: expected ")


def test_same_wrong_value_typed_for_two_settings_is_reported_for_both() -> None:
    assert len(refusal("max_epochs=abc", "optimizer.lr=abc").splitlines()) == 2


@pytest.mark.parametrize(
    ("override", "expected"),
    [
        ("data.draw_seed=-1", "a whole number from 0 to 4294967295"),
        ("data.seed=4294967296", "a whole number from 0 to 4294967295"),
        ("print_every=0", "1 or more"),
        ("check_val_every_n_epoch=0", "1 or more"),
        ("val_check_interval=0", "a share of an epoch up to 1.0, or a whole number of steps"),
        ("val_check_interval=1.5", "a share of an epoch up to 1.0, or a whole number of steps"),
        ("trainer.accumulate_grad_batches=0", "1 or more"),
        ("trainer.gradient_clip_val=-1", "0 or more"),
        ("+trainer.profiler=pytorch", "simple or advanced"),
        ("+trainer.min_epochs=101", "100 or less, as max_epochs is"),
        ("optimizer._partial_=false", "true"),
        ("+net._partial_=true", "false"),
        ("net.hidden=[1000000000000000000000]", "whole numbers of at most 63 bits"),
        ("data.points=-1000000000000000000000", "whole numbers of at most 63 bits"),
        ("+trainer.limit_train_batches=0", "some; a run needs every part"),
        ("+trainer.limit_val_batches=0.0", "some; a run needs every part"),
        ("+trainer.limit_test_batches=0", "some; a run needs every part"),
        ("+trainer.overfit_batches=0.5", "a whole number of batches"),
    ],
)
def test_value_out_of_range_is_refused(override: str, expected: str) -> None:
    message = refusal(override)
    assert message.startswith(f"{override.removeprefix('+')}: ")
    assert message.endswith(f"expected {expected}.")


@pytest.mark.parametrize("override", ["trainer.{}=true", "~trainer.{}"])
@pytest.mark.parametrize("name", ["inference_mode", "enable_checkpointing"])
def test_trainer_stays_as_metrics_and_checkpoints_need_it(name: str, override: str) -> None:
    assert refusal(override.format(name)) == f"trainer.{name}: expected false."


def test_arguments_without_a_name_of_their_own_are_no_settings() -> None:
    assert refusal("+logger.tensorboard.kwargs=3").startswith(
        "logger.tensorboard.kwargs: no such setting; "
    )


@pytest.mark.parametrize("name", ["data.path", "weights"])
def test_address_is_no_place_on_this_machine(name: str) -> None:
    typed = "https://example.com/iris.csv"
    said = refusal(f"{name}={typed}", "experiment=dots", "data=table", "data.target=x")
    assert f"{name}={typed}: expected a place on this machine; download it, and give" in said


def test_weights_that_are_not_there_are_no_matter_to_a_fit_that_has_begun(tmp_path: Path) -> None:
    config = settings(f"weights={tmp_path}")
    with pytest.raises(SettingError, match=r"^weights=.*: there is no .*best\.ckpt; give a run's"):
        check(config)
    check(config, begun=True)


def test_each_of_several_processes_needs_a_share_of_every_batch() -> None:
    check(settings("trainer=ddp", "data.batch_size=2"))
    assert refusal("trainer=ddp", "data.batch_size=1") == (
        "data.batch_size=1: 2 processes share it; expected 2 or more."
    )


def test_several_devices_without_several_processes_are_refused_with_the_remedy() -> None:
    assert refusal("trainer.devices=2").endswith("For several choose trainer=ddp.")


def test_float16_that_cannot_be_clipped_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(CUDAAccelerator, "is_available", lambda: True)
    half = ("trainer.precision=16-mixed", "trainer.gradient_clip_val=1.0")
    message = refusal("optimizer=adam", *half)
    assert message.startswith(f"{', '.join(half)}: gradients in float16 cannot be clipped")
