"""The page of one run, from its files."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from fixtures import MakeRun
from matplotlib.figure import Figure

from seedbed.record.run import read_run
from seedbed.report.picture import Picture
from seedbed.report.run_page import Contents, write_run_page


def page_of(folder: Path, **contents: Any) -> str:
    return write_run_page(read_run(folder), Contents(**contents)).read_text(encoding="utf-8")


def text_of(page: str) -> str:
    """What is to be read on it."""
    without = re.sub(r"<(script|style)\b.*?</\1>|<!--.*?-->", "", page, flags=re.DOTALL)
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", without))


def test_page_has_each_metric_by_part(make_run: MakeRun) -> None:
    words = text_of(page_of(make_run("0", [4.0, 2.0, 1.0])))
    assert "loss 0.5000 1.0000 2.0000" in words
    assert "the lowest val/loss" in words


def test_metrics_of_a_strangers_module_are_there_whatever_they_are_called(
    make_run: MakeRun,
) -> None:
    folder = make_run("0", [2.0], monitor=None)
    metrics = {"step": 9, "train_loss": 0.25, "val_loss": 0.5, "hits/dataloader_idx_1": 0.75}
    metrics |= {"val/f1/dataloader_idx_0": 0.875}
    (folder / "metrics.json").write_text(json.dumps(metrics))
    words = text_of(page_of(folder))
    assert "Of the last checkpoint, step 9. training validation other loss 0.2500 0.5000" in words
    assert "hits/dataloader_idx_1 0.7500" in words
    assert "f1/dataloader_idx_0 0.8750" in words


def test_curves_hold_the_logged_values(make_run: MakeRun) -> None:
    page = page_of(make_run("0", [4.0, 2.0, 1.0]))
    [data] = re.findall(r'<script type="application/json">(.*?)</script>', page)
    assert json.loads(data)["lines"] == [
        ["training", [[1, 1.0], [2, 0.5]]],
        ["validation", [[0, 4.0], [1, 2.0], [2, 1.0]]],
    ]


def test_page_asks_nobody_for_anything(make_run: MakeRun) -> None:
    page = page_of(make_run("0", [2.0, 1.0]))
    assert "default-src 'none'" in page
    assert not re.search(r'(?:src|href)="(?!data:)|url\(|@import', page)


def test_failed_run_says_why(make_run: MakeRun) -> None:
    words = text_of(page_of(make_run("0", [4.0, 2.0], state="failed", error="The loss is inf.")))
    assert "failed : The loss is inf." in words
    assert "Of the best validation so far" in words
    assert "seedbed resume" in words


def test_run_of_a_part_of_the_data_is_marked(make_run: MakeRun) -> None:
    folder = make_run("0", [2.0, 1.0])
    config = folder / "config.yaml"
    text = config.read_text(encoding="utf-8")
    config.write_text(text.replace("trainer:\n", "trainer:\n  fast_dev_run: true\n"))
    words = text_of(page_of(folder))
    assert "on a part of the data alone, by trainer.fast_dev_run=true" in words


def test_run_that_has_not_begun_has_a_page(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text("monitor: val/loss\nmode: min\nexperiment_name: line\n")
    assert "new" in text_of(page_of(tmp_path))


def test_setting_that_is_not_the_experiments_own_is_marked(make_run: MakeRun) -> None:
    folder = make_run("0", [2.0, 1.0], optimizer={"lr": 0.5})
    defaults = read_run(folder).config | {"optimizer.lr": 0.01}
    page = page_of(folder, defaults=defaults)
    assert re.findall(r"<mark>(.*?)</mark>", page) == ["0.5"] * 2  # among those, and among all
    assert "in the experiment: 0.01" in page


def test_setting_that_was_typed_is_marked_where_the_experiment_is_not_known(
    make_run: MakeRun,
) -> None:
    page = page_of(make_run("0", [2.0, 1.0]))  # whose command has seed=1
    assert "<code>seed</code></td><td><code><mark>1</mark></code>" in page


def test_picture_has_its_alternative_text(make_run: MakeRun) -> None:
    picture = Picture("plane", "The plane", "Two halves & a line.", Figure())
    page = page_of(make_run("0", [2.0, 1.0]), pictures=[picture])
    assert 'alt="Two halves &amp; a line." src="data:image/png;base64,' in page


def test_last_words_are_those_of_the_log(make_run: MakeRun) -> None:
    folder = make_run("0", [2.0, 1.0])
    (folder / "train.log").write_text(
        "\n2026-01-31 12:00:00  best checkpoint (the lowest val/loss, step 2), test part\n"
        "2026-01-31 12:00:00      test/loss      2.0000\n\n"
        "2026-01-31 12:00:01      y = 3x + 1\n\n2026-01-31 12:00:01  run: there\n"
    )
    assert '<div class="text">y = 3x + 1</div>' in page_of(folder)


@pytest.mark.parametrize(
    ("kind", "command"), [("language", "generate"), ("binary", "predict"), ("regression", "demo")]
)
def test_page_says_what_can_be_done_with_a_run_of_its_kind(
    make_run: MakeRun, kind: str, command: str
) -> None:
    assert f"seedbed {command} " in text_of(page_of(make_run("0", [2.0, 1.0]), kind=kind))
