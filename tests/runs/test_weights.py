"""`weights=RUN`: a new fit that starts from another run's weights."""

import hashlib
import json
import shutil
from pathlib import Path

import pytest
import torch
import yaml
from made import executed, prepared, settings, weights_of

from seedbed.errors import DataError, RunError, SettingError
from seedbed.record.directory import RunDirectory
from seedbed.runs.execute import execute

TINY = ["logger=csv", "print_every=1000", "data.held_out=20", "max_epochs=3"]
VERSE = ["data=rhymes", "net=gpt", "task=language", "net.depth=1", "data.context=16", "logger=csv"]


def refusal(folder: Path, *overrides: str) -> str:
    run = prepared(folder / "refused", *overrides)
    with pytest.raises(RunError) as caught:
        execute(run.path)
    assert run.status()["state"] == "failed"
    return str(caught.value)


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> RunDirectory:
    return executed(tmp_path_factory.mktemp("source") / "run", *TINY, "seed=7")


@pytest.fixture(scope="module")
def poet(tmp_path_factory: pytest.TempPathFactory) -> RunDirectory:
    return executed(
        tmp_path_factory.mktemp("poet") / "run", *VERSE, "data.poems=60", "trainer=debug"
    )


@pytest.mark.parametrize("name", ["run", "best", "last"])
def test_fit_starts_with_exactly_the_others_weights(
    name: str, source: RunDirectory, tmp_path: Path
) -> None:
    path = {"run": source.path, "best": source.best, "last": source.last}[name]
    run = prepared(tmp_path / "run", *TINY, f"weights={path}", "optimizer.lr=0.0")
    execute(run.path)
    found, wanted = weights_of(run.last), weights_of(path if path.is_file() else source.best)
    assert all(torch.equal(found[name], wanted[name]) for name in wanted)


def test_only_the_weights_are_taken_over(source: RunDirectory, tmp_path: Path) -> None:
    run = prepared(tmp_path / "run", *TINY, f"weights={source.path}")
    execute(run.path)
    assert torch.load(run.last, weights_only=True)["global_step"] == 3
    with (run.path / "metrics.csv").open() as file:
        assert len(file.readlines()) == 1 + 1 + 3 + 1  # header, before the fit, epochs, test


def test_record_says_which_file_the_weights_are_from(source: RunDirectory, tmp_path: Path) -> None:
    run = prepared(tmp_path / "run", *TINY, f"weights={source.path}")
    execute(run.path)
    assert json.loads(run.provenance_file.read_text())["weights"] == {
        "path": str(source.best),
        "sha256": hashlib.sha256(source.best.read_bytes()).hexdigest(),
    }


def test_run_without_them_has_none_on_record(source: RunDirectory) -> None:
    assert json.loads(source.provenance_file.read_text())["weights"] is None


def test_relative_path_is_recorded_absolute(
    source: RunDirectory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(source.path.parent)
    assert settings("weights=run")["weights"] == str(source.path)


def test_resumed_run_needs_the_other_one_no_longer(source: RunDirectory, tmp_path: Path) -> None:
    other = tmp_path / "other"
    shutil.copytree(source.path, other)
    run = prepared(tmp_path / "run", *TINY, f"weights={other}")
    execute(run.path)
    origin = json.loads(run.provenance_file.read_text())["weights"]
    shutil.rmtree(other)
    config = run.config()
    config["max_epochs"] = config["trainer"]["max_epochs"] = 5
    run.config_file.write_text(yaml.safe_dump(config))
    run.set_status("interrupted")
    execute(run.path)
    assert torch.load(run.last, weights_only=True)["global_step"] == 5
    assert json.loads(run.provenance_file.read_text())["weights"] == origin


def test_place_without_a_run_is_reported_before_anything_runs(tmp_path: Path) -> None:
    run = prepared(tmp_path / "run", *TINY, f"weights={tmp_path / 'nowhere'}")
    with pytest.raises(SettingError, match=f"there is no {tmp_path}/nowhere; give a run's"):
        execute(run.path)
    assert run.status() == {}


def test_truncated_file_is_explained(source: RunDirectory, tmp_path: Path) -> None:
    content = source.best.read_bytes()
    (tmp_path / "cut.ckpt").write_bytes(content[: len(content) // 2])
    assert "is damaged" in refusal(tmp_path, *TINY, f"weights={tmp_path / 'cut.ckpt'}")


def test_other_shapes_and_layers_are_named(source: RunDirectory, tmp_path: Path) -> None:
    message = refusal(tmp_path, *TINY, f"weights={source.path}", "net.hidden=[7,3]")
    assert f"weights={source.best} are not of this net, MLP:\n" in message
    assert "body.2.weight: is missing\n" in message
    assert "body.0.weight: expected [7, 1], got [10, 1]\n" in message


def test_layers_too_many_are_named(source: RunDirectory, tmp_path: Path) -> None:
    message = refusal(tmp_path, *TINY, f"weights={source.path}", "net.hidden=[]")
    assert "body.0.weight: unexpected\n" in message


def test_language_model_goes_on_with_the_same_vocabulary(
    poet: RunDirectory, tmp_path: Path
) -> None:
    same = [*VERSE, "data.poems=60", "trainer=debug", f"weights={poet.path}"]
    assert "test/loss" in execute(prepared(tmp_path / "run", *same).path)


def test_other_vocabulary_is_refused_even_of_the_same_size(
    poet: RunDirectory, tmp_path: Path
) -> None:
    path = tmp_path / "other.ckpt"
    state = torch.load(poet.best, weights_only=True)
    state["Rhymes"]["vocabulary"] = state["Rhymes"]["vocabulary"][::-1]
    torch.save(state, path)
    message = refusal(tmp_path, *VERSE, "data.poems=60", "trainer=debug", f"weights={path}")
    count = f"{len(state['Rhymes']['vocabulary']):,}"
    assert f"know {count} characters, this corpus has {count}, of which {count}" in message


@pytest.mark.parametrize("cutoffs", ["null", "[20,30]"])
def test_corpus_that_goes_on_from_anothers_vocabulary_takes_its_weights(
    cutoffs: str, tmp_path: Path
) -> None:
    texts = {"first": "abcdefghijklmnopqrstuvwxyz,.", "second": "xyz 春夏秋冬東西南北"}
    for name, characters in texts.items():
        lines = [characters[n % 7 :] + characters[: n % 7] for n in range(len(characters) * 7)]
        (tmp_path / f"{name}.txt").write_text("\n".join(f"{n}{x}" for n, x in enumerate(lines)))
    common = ["experiment=text", "net.depth=1", f"net.cutoffs={cutoffs}", "data.context=8"]
    common += ["logger=csv", "trainer=debug"]
    first = prepared(tmp_path / "one", *common, f"data.path={tmp_path / 'first.txt'}")
    execute(first.path)
    goes_on = [f"data.path={tmp_path / 'second.txt'}", f"data.vocabulary={first.path}"]
    frozen = [f"weights={first.path}", "optimizer=sgd", "optimizer.lr=0.0"]
    second = prepared(tmp_path / "two", *common, *goes_on, *frozen)
    execute(second.path)
    old, new = weights_of(first.best), weights_of(second.best)
    vocabularies = [
        torch.load(r.best, weights_only=True)["Text"]["vocabulary"] for r in (first, second)
    ]
    assert vocabularies[1].startswith(vocabularies[0])
    assert {*vocabularies[1][len(vocabularies[0]) :]} == {*" 春夏秋冬東西南北"}
    for name, weight in old.items():
        assert torch.equal(new[name][: len(weight)] if weight.ndim else new[name], weight), name
    embedding = "net.token_embedding.weight"
    assert len(new[embedding]) == len(vocabularies[1])
    assert new[embedding][len(old[embedding]) :].std() > 0
    without = refusal(tmp_path, *common, goes_on[0], frozen[0])
    assert f"Have the corpus go on from that run's, data.vocabulary={first.best}." in without


def test_vocabulary_of_what_is_no_run_of_text_is_refused(
    source: RunDirectory, tmp_path: Path
) -> None:
    (tmp_path / "text.txt").write_text("\n".join(f"text {n}" for n in range(99)))
    text = [
        "experiment=text",
        "net.depth=1",
        "data.context=8",
        f"data.path={tmp_path / 'text.txt'}",
    ]
    for place, reason in ((source.path, "best.ckpt has no vocabulary"), (tmp_path / "x", "no /")):
        run = prepared(tmp_path / place.name, *text, f"data.vocabulary={place}")
        with pytest.raises(DataError, match=f"expected the directory or a checkpoint .*{reason}"):
            execute(run.path)


def test_weights_of_another_study_are_not_a_language_models(
    source: RunDirectory, tmp_path: Path
) -> None:
    message = refusal(tmp_path, *VERSE, "data.poems=60", "trainer=debug", f"weights={source.path}")
    assert "are not a language model's" in message


def test_inputs_may_have_another_scale(tmp_path: Path) -> None:
    exam = ["experiment=marks", "trainer=debug", "logger=csv"]
    first = prepared(tmp_path / "first", *exam)
    execute(first.path)
    second = prepared(tmp_path / "second", *exam, "data.split_seed=1", f"weights={first.path}")
    execute(second.path)
    scales = [torch.load(r.best, weights_only=True)["Marks"]["scale"] for r in (first, second)]
    assert scales[0] != scales[1]
