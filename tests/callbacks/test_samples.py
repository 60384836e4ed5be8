import re
from pathlib import Path
from typing import Any

import pytest
import torch
from lightning import Trainer
from made import executed, settings
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from seedbed.callbacks.samples import TextSamples
from seedbed.config.build import Study, build
from seedbed.data.vocabulary import END
from seedbed.record.directory import RunDirectory

PROMPT = "春山短歌"

TINY = [
    "experiment=rhymes",
    "data.poems=60",
    "data.context=16",
    "data.batch_size=2",
    "net.depth=1",
    "max_steps=2",
    "val_check_interval=1",
    "callbacks.samples.length=5",
    f"prompt='{PROMPT}'",
]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> RunDirectory:
    return executed(tmp_path_factory.mktemp("samples"), *TINY)


def study(folder: Path, *overrides: str) -> Study:
    """A study whose Trainer knows its parts, as in a fit."""
    made = build(settings(*TINY, *overrides), folder)
    made.trainer.validate(made.task, datamodule=made.datamodule, verbose=False)
    return made


def write(made: Study, **options: Any) -> str | None:
    callback = TextSamples(**{"prompt": PROMPT, "length": 5} | options)
    return callback.write(made.trainer, made.task)


def test_sample_at_each_validation_and_at_the_end_starts_with_the_prompt(
    run: RunDirectory,
) -> None:
    lines = run.log_file.read_text(encoding="utf-8").splitlines()
    samples = [line for line in lines if PROMPT in line]
    assert len(samples) == 4  # of the initial weights, of two steps, and of the best checkpoint


def test_tensorboard_has_the_sample_of_each_validation(run: RunDirectory) -> None:
    events = EventAccumulator(str(run.path / "tensorboard"))
    events.Reload()
    texts = [
        event.tensor_proto.string_val[0].decode("utf-8")
        for event in events.Tensors("sample/text_summary")
    ]
    assert len(texts) == 3
    assert all(text.startswith(PROMPT) for text in texts)


def test_sample_is_no_longer_than_asked(tmp_path: Path) -> None:
    text = write(study(tmp_path), length=3)
    assert text is not None
    assert len(text) <= len(PROMPT) + 3


def test_prompt_is_shown_as_given_where_the_corpus_lacks_a_character(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = write(study(tmp_path), prompt="春山a")
    assert text is not None
    assert text.startswith("春山a")
    assert re.search(
        r"prompt '春山a': not among the \d+ characters of the vocabulary: a\.\n",
        capsys.readouterr().out,
    )


@pytest.mark.parametrize("prompt", ["abc", "春a", "\nabc\n"])
def test_prompt_that_is_half_unknown_gives_way_to_the_commonest_beginning_and_says_so(
    prompt: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    made = study(tmp_path)
    text = write(made, prompt=prompt)
    beginning = made.datamodule.beginning
    assert beginning[0] in "春夏秋冬"
    assert text is not None
    assert text.startswith(beginning)
    said = " ".join(capsys.readouterr().out.split())
    assert f"In its place '{beginning}', the corpus's commonest beginning." in said


def test_empty_prompt_starts_where_a_document_does(tmp_path: Path) -> None:
    made = study(tmp_path)
    after_the_last = write(made, prompt=END)
    assert after_the_last
    assert write(made, prompt="") == after_the_last.removeprefix(END)


def test_same_step_writes_the_same_sample(tmp_path: Path) -> None:
    made = study(tmp_path)
    assert write(made, length=30) == write(made, length=30)


def test_sampling_leaves_the_fits_randomness_alone(tmp_path: Path) -> None:
    made = study(tmp_path)
    before = torch.get_rng_state()
    write(made)
    assert torch.equal(torch.get_rng_state(), before)


def test_sample_is_written_without_dropout_and_the_net_goes_on_as_it_was(tmp_path: Path) -> None:
    made = study(tmp_path, "net=transformer_decoder", "net.dropout=0.5")
    made.task.eval()
    expected = write(made, length=30)
    made.task.train()
    assert write(made, length=30) == expected
    assert all(module.training for module in made.task.net.modules())


def test_nothing_is_written_where_the_data_is_not_text_and_that_is_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    executed(tmp_path, "callbacks=samples", "max_epochs=1", "data.held_out=8", "logger=csv")
    said = capsys.readouterr().out
    assert PROMPT not in said
    assert said.count("callbacks.samples writes nothing here: it is for language models") == 1


@pytest.mark.parametrize("name", ["length", "temperature"])
def test_negative_length_or_temperature_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match=f"{name}=-1: expected 0 or more"):
        TextSamples(**{"prompt": PROMPT, name: -1})


def test_trainer_without_data_gets_no_sample(tmp_path: Path) -> None:
    made = build(settings(*TINY), tmp_path)
    callback = TextSamples(prompt=PROMPT)
    assert callback.write(Trainer(accelerator="cpu", logger=False), made.task) is None
