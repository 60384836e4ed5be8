import re
import shutil
from pathlib import Path

import pytest
from hydra.core.override_parser.overrides_parser import OverridesParser
from omegaconf import OmegaConf

from seedbed.config.compose import composed
from seedbed.config.override_problems import setting_problems
from seedbed.config.overrides import check_hydras, is_multirun, readable, searched, settings_in
from seedbed.errors import SettingError
from seedbed.project import CONF

NAMES = {
    "experiment=dotz": "experiment=dotz: no such experiment; did you mean dots",
    "trainer=cpi": "trainer=cpi: no such trainer; did you mean cpu?",
    "net=perceptron": "net=perceptron: no such net; there is ",
    "callbacks=[samples,early_stoping]": "no such callbacks; did you mean early_stopping?",
    "scheduler=null": "scheduler=null: no such scheduler; ",
    "task=[1]": "task=[1]: no such task; ",
    "optimizer.lrr=1": "optimizer.lrr: no such setting; did you mean optimizer.lr?",
    "lr=0.1": "lr: no such setting; did you mean optimizer.lr?",
    "hidden=[3]": "hidden: no such setting; did you mean net.hidden?",
    "net.lrr=1": "net.lrr: no such setting; did you mean optimizer.lr?",
    "model=mlp": "model: no such setting; did you mean net=mlp?",
    "max_epoch=1": "max_epoch: no such setting; did you mean max_epochs",
    "optimzer=sgd": "optimzer: no such setting; did you mean optimizer?",
    "traner.devices=2": "traner.devices: no such setting; did you mean trainer.devices?",
    "hydra.run.dirr=x": "hydra.run.dirr: no such setting; did you mean hydra.run.dir?",
    "seed.x=1": "seed.x: no such setting; seed has none below it.",
    "optimizer.momentum=0.9": "is not among the settings yet; write +optimizer.momentum=0.9",
    "trainer.limit_train_batches=2": "yet; write +trainer.limit_train_batches=2",
    "net.inputs=3": "net.inputs: no such setting; ",
    "optimizer.momentum.x=3": "optimizer.momentum.x: no such setting; ",
    "~optimizer.dampening": "optimizer.dampening: no such setting; ",
    "~callbacks.bord": "callbacks.bord: no such setting; did you mean callbacks.board",
    "~optimizer.lr=3": "~optimizer.lr=3: its value is another; write ~optimizer.lr.",
    "~=3": "~=3: expected a name after ~.",
    "data.path.x=3": "data.path.x: no such setting; ",
    "~net=cnn": "~net=cnn: another net is chosen; choose one by net=NAME.",
    "data.path=x.csv": "data.path: no such setting; choose data=images, ",
    "data.target=y": "data.target: no such setting; choose data=table, which has it.",
    "+optimizer.lr=0.1": "+optimizer.lr=0.1: is among the settings already; leave out the +.",
    "optimizer=sgd,adamw": "optimizer=sgd,adamw: several values; to train with each",
    "seed=1,2": "seed=1,2: several values; to train with each, add --multirun",
    "optimizer@extra=sgd": "To append to your default list use +optimizer@extra=sgd",
    "data.points=[1": "data.points=[1: cannot be read",
    "data.points=1,": "data.points=1,: cannot be read (a value is missing after its last comma)",
}
"""Overrides that Hydra stops at, and what is said of each."""

VALUES = {
    "data.path=~/poems.txt": "~/poems.txt",
    "data.path=/a b (1),c=d [2]/{3}/春.txt": "/a b (1),c=d [2]/{3}/春.txt",
    "data.path=3": "3",
    "data.path=null": None,
    "data.path='a b'": "a b",
    "weights=a,b=1": "a,b=1",
    "prompt=春夜,喜雨": "春夜,喜雨",
    "prompt=春夜\n喜雨": "春夜\n喜雨",
    'prompt=(it\'s "so")': '(it\'s "so")',
    'prompt="春夜 喜雨"': "春夜 喜雨",
    "data.features=[學時,睡眠]": ["學時", "睡眠"],
    "data.features=[a b,c]": ["a b", "c"],
    "data.batch_size=3": 3,
}
"""Arguments as a shell passes them on, and the values they mean."""


def problems(*overrides: str) -> str:
    """What is said about a command line that Hydra does not take."""
    return "\n".join(setting_problems([*overrides]))


@pytest.fixture(scope="module")
def refusal_of_names() -> str:
    return problems(*NAMES)


@pytest.mark.parametrize("argument", VALUES)
def test_value_arrives_as_it_was_typed(argument: str) -> None:
    [override] = readable([argument])
    assert OverridesParser.create().parse_override(override).value() == VALUES[argument]


@pytest.mark.parametrize("argument", ["seed=1,2", "--multirun", "~scheduler", "prompt=", "seed=1"])
def test_what_hydra_reads_is_left_to_it(argument: str) -> None:
    assert readable([argument]) == [argument]


@pytest.mark.parametrize("choices", [["glyphs", "glyphs"], ["images", "images"]])
def test_list_of_nodes_takes_the_place_of_settings_by_name(choices: list[str]) -> None:
    typed = "data.augment=[{_target_: torchvision.transforms.v2.RandomHorizontalFlip}]"
    words = readable([f"experiment={choices[0]}", f"data={choices[1]}", typed])
    nodes = composed(words).data.augment
    assert nodes == [{"_target_": "torchvision.transforms.v2.RandomHorizontalFlip"}]
    assert "augment" not in problems(*words, "data.batch_siz=5")


def test_node_that_is_added_is_left_as_typed_and_its_settings_go_with_it() -> None:
    added = readable(["+callbacks.timer._target_=lightning.Timer", "callbacks.timer.verbose=false"])
    assert added == ["+callbacks.timer._target_=lightning.Timer", "++callbacks.timer.verbose=false"]


@pytest.mark.parametrize(
    ("argument", "setting"),
    [
        ("--experiment=marks", "experiment=marks"),
        ("-experiment=marks", "experiment=marks"),
        ("--optimizer.lr=1", "optimizer.lr=1"),
        ("--experiment", "experiment=VALUE"),
        ("--+optimizer.momentum=1", "optimizer.momentum=1"),
    ],
)
def test_setting_with_dashes_is_not_left_to_hydra(argument: str, setting: str) -> None:
    with pytest.raises(SettingError) as caught:
        readable([argument])
    assert str(caught.value) == f"{argument}: settings have no dashes; write {setting}"


@pytest.mark.parametrize(
    "argument",
    ["--cfg=job", "-cd=/tmp/a=b", "--config-dir=mine", "--package=hydra.sweep", "-m", "--help"],
)
def test_flag_of_hydras_stays(argument: str) -> None:
    assert readable([argument]) == [argument]


@pytest.mark.parametrize(
    ("words", "typed"),
    [
        (["experiment", "=", "marks"], "experiment = marks"),
        (["seed=1", "experiment=", "marks"], "experiment= marks"),
        (["experiment", "=marks", "-m"], "experiment =marks"),
        (["experiment = marks"], "experiment = marks"),
    ],
)
def test_spaces_about_the_sign_are_reported(words: list[str], typed: str) -> None:
    with pytest.raises(SettingError) as caught:
        readable(words)
    assert str(caught.value) == f"{typed}: write experiment=marks, without spaces."


def test_spaces_and_signs_within_a_value_stay() -> None:
    words = ["prompt=a = b", "data.path=my = file", "prompt=", "seed=1"]
    assert readable(words) == ['prompt="a = b"', 'data.path="my = file"', "prompt=", "seed=1"]


def test_word_after_a_flag_is_no_setting() -> None:
    words = ["--config-dir", "/tmp/a=b c", "experiment=mine"]
    assert readable(words) == words
    assert settings_in(words) == ['hydra.searchpath=["/tmp/a=b c"]', "experiment=mine"]
    assert not is_multirun(["--config-dir", "sweep", "max_epochs=1"])


def test_setting_that_others_are_made_of_cannot_be_taken_away() -> None:
    assert problems("~seed") == "~seed: other settings need it."


def test_deletion_is_a_setting_without_a_sign() -> None:
    assert settings_in(["~callbacks.bord", "-m", "seed=1"]) == ["~callbacks.bord", "seed=1"]


TAKEN_AWAY = (
    "callbacks.board.drawing=0.1: ~callbacks.board takes it away; leave out one of the two."
)


def test_setting_of_what_is_taken_away_is_refused() -> None:
    assert problems("~callbacks.board", "callbacks.board.drawing=0.1") == TAKEN_AWAY


def test_setting_that_is_taken_away_after_it_was_typed_is_refused() -> None:
    typed = ("callbacks.board.drawing=0.1", "~callbacks.board")
    assert problems(*typed, "sed=1").splitlines() == [
        "sed: no such setting; did you mean seed?",
        TAKEN_AWAY,
    ]
    hydra = composed([*typed]).hydra
    with pytest.raises(SettingError) as caught:
        check_hydras(hydra, multirun=False)
    assert str(caught.value) == TAKEN_AWAY


def test_what_is_taken_away_may_be_added_anew() -> None:
    check_hydras(composed(["~net.hidden", "+net.hidden=[3]"]).hydra, multirun=False)


def test_option_called_by_a_number_is_a_name() -> None:
    assert readable(["experiment=2024"]) == ['experiment="2024"']


def test_path_that_exists_is_one_in_a_multirun_too(tmp_path: Path) -> None:
    file = tmp_path / "b,a=1.csv"
    file.touch()
    assert readable(["-m", f"data.path={file}"]) == ["-m", f'data.path="{file}"']


def test_commas_stand_between_values_in_a_multirun() -> None:
    typed = ["-m", "prompt=春,夏", "data.path=a b,c(1)", "net.hidden=[3],[4]"]
    quoted = ["-m", 'prompt="春","夏"', 'data.path=a b,"c(1)"', "net.hidden=[3],[4]"]
    assert readable(typed) == quoted


@pytest.mark.parametrize("override", NAMES)
def test_override_that_hydra_refuses_is_explained(override: str, refusal_of_names: str) -> None:
    assert NAMES[override] in refusal_of_names


def test_unknown_key_without_a_near_one_lists_those_beside_it() -> None:
    listed = "there is data.batch_size, data.draw_seed, data.held_out, "
    listed += "data.input_noise, data.points, data.seed."
    assert problems("data.xyz=1") == f"data.xyz: no such setting; {listed}"


def test_of_many_keys_a_dozen_are_listed() -> None:
    message = problems("zzzzzz=1")
    assert message.startswith("zzzzzz: no such setting; there is callbacks, check_val_every_n_epoc")
    assert re.search(r"(\w+, ){12}and \d+ more; --cfg job shows all\.$", message)


def test_several_wrong_settings_are_reported_together() -> None:
    found = problems("optimizer=adamv", "net.dropuot=0", "seed=null", "optimizer.lr=abc")
    for name in ("optimizer=adamv", "net.dropuot", "seed=null", "optimizer.lr=abc"):
        assert f"{name}: " in found


def test_command_line_without_a_mistake_has_no_problems() -> None:
    assert setting_problems(["experiment=dots", "optimizer=adamw", "optimizer.lr=0.1"]) == []


@pytest.mark.parametrize("broken", ["experiment/mine", "net/mlp", "train"])
def test_syntax_error_in_a_file_is_reported_with_its_place(
    broken: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    conf = shutil.copytree(CONF, tmp_path / "conf")
    file = conf / f"{broken}.yaml"
    file.write_text("max_epochs: [5\n")
    for module in ("config.compose", "config.overrides"):
        monkeypatch.setattr(f"seedbed.{module}.CONF", conf)
    typed = ["experiment=mine"] if broken == "experiment/mine" else ["optimizer.lr=abc"]
    assert f'in "{file}", line 1, column 13\nexpected' in problems(*typed)


def test_syntax_error_in_an_option_from_elsewhere_is_reported_with_its_place(
    tmp_path: Path,
) -> None:
    (tmp_path / "experiment").mkdir()
    file = tmp_path / "experiment" / "mine.yaml"
    file.write_text("max_epochs: [5\n")
    message = problems(*searched([f"--config-dir={tmp_path}"]), "experiment=mine")
    assert f'in "{file}", line 1, column 13\nexpected' in message


@pytest.mark.parametrize(
    ("content", "cause"),
    [
        (
            "defaults:\n  - override /optimizer: adam\n",
            "=mine: its file must begin with # @package",
        ),
        ("\ufeff# @package _global_\r\ndefaults:\r\n  - override /net: mlp\r\n", "byte order mark"),
        ("# @package _global_\ndefaults:\n  - override /optimizer: adamm\n", "optimizer/adamm"),
        ("# @package _global_\nseed: ${oc.env:NOT_THERE}\n", "'NOT_THERE' not found"),
        ("# @package _global_\nseed: ${eval:1+1}\n", "Unsupported interpolation type eval"),
        (
            "# @package _global_\nmax_epochs: 2\n",
            "A file of your own\nchooses them in its defaults",
        ),
    ],
)
def test_cause_in_an_option_from_elsewhere_is_reported(
    content: str, cause: str, tmp_path: Path
) -> None:
    (tmp_path / "experiment").mkdir()
    (tmp_path / "experiment" / "mine.yaml").write_text(content, "utf-8")
    assert cause in problems(*searched(["--config-dir", str(tmp_path)]), "experiment=mine")


def test_options_from_elsewhere_are_among_those_there_are(tmp_path: Path) -> None:
    (tmp_path / "experiment").mkdir()
    (tmp_path / "experiment" / "zebra.yaml").touch()
    message = problems(*searched(["--config-dir", str(tmp_path)]), "experiment=zebre")
    assert message == "experiment=zebre: no such experiment; did you mean zebra?"


def test_each_value_of_a_multirun_is_looked_at() -> None:
    overrides = ["optimizer=sgd,adamv", "optimizer.lr=1,abc", "seed=1,2"]
    first, second = setting_problems(overrides, multirun=True)
    assert first.startswith("optimizer=adamv: no such optimizer; ")
    assert second == "optimizer.lr=abc: expected a number, got a text."


def test_range_without_an_end_is_reported() -> None:
    said = setting_problems(["seed=range(0,1,0)"], multirun=True)
    assert said == ["seed=range(0,1,0): range() arg 3 must not be zero."]


def test_option_with_a_name_too_long_for_a_file_is_reported() -> None:
    assert problems(f"experiment={'n' * 300}").startswith(f"experiment={'n' * 300}: no such")


HYDRAS = {
    "hydra.sweep.dir=x": "hydra.sweep.dir=x: is a setting of sweeps; to sweep, add --multirun.",
    "hydra.sweeper.workers=2": "hydra.sweeper.workers=2: is a setting of sweeps; to sweep, add ",
    "hydra.run.dir=": "hydra.run.dir: expected a name; leave it out for one in logs.",
    "hydra.run.dir=' '": "hydra.run.dir: expected a name; leave it out for one in logs.",
}
"""Settings of Hydra's, and what is said of them for a single run."""


@pytest.mark.parametrize("override", HYDRAS)
def test_setting_of_hydras_that_a_single_run_would_ignore_is_refused(override: str) -> None:
    with pytest.raises(SettingError) as caught:
        check_hydras(composed([override]).hydra, multirun=False)
    assert str(caught.value).startswith(HYDRAS[override])


@pytest.mark.parametrize("value", ["5", "null", "[seedbed,3]", "{seedbed:true}"])
def test_value_that_hydras_logging_does_not_take_is_reported(value: str) -> None:
    with pytest.raises(SettingError, match=r"expected true or false, a logger's name, or a list"):
        readable([f"hydra.verbose={value}"])


@pytest.mark.parametrize("value", ["true", "hydra", "[hydra,seedbed]"])
def test_value_that_hydras_logging_takes_is_left_to_it(value: str) -> None:
    assert f"hydra.verbose={value}" in readable([f"hydra.verbose={value}"])


def test_directory_of_a_run_means_nothing_to_a_sweep() -> None:
    with pytest.raises(SettingError) as caught:
        check_hydras(composed(["hydra.run.dir=x"]).hydra, multirun=True)
    instead = "hydra.sweep.dir names the sweep's"
    assert str(caught.value) == f"hydra.run.dir=x: has no effect on a sweep; {instead}."


def test_settings_of_a_sweep_go_with_a_sweep() -> None:
    given = ["hydra.sweep.dir=x", "hydra.sweeper.workers=2", "hydra/launcher=slurm"]
    check_hydras(composed([*given, "hydra.launcher.cluster=local"]).hydra, multirun=True)


def test_launcher_that_nothing_here_drives_is_refused() -> None:
    hydra = composed([]).hydra
    OmegaConf.set_readonly(hydra, False)
    OmegaConf.set_struct(hydra, False)
    hydra.launcher = {"_target_": "hydra_plugins.hydra_joblib_launcher.JoblibLauncher"}
    hydra.runtime.choices["hydra/launcher"] = "joblib"
    with pytest.raises(SettingError, match=r"^hydra/launcher=joblib: jobs are started here or by "):
        check_hydras(hydra, multirun=True)


def test_multirun_without_a_mistake_has_no_problems() -> None:
    assert setting_problems(["optimizer=sgd,adamw", "seed=1,2"], multirun=True) == []
