"""Figures in `docs/`: where they stand, and whether one that moved is reported."""

from pathlib import Path

import pytest

from benchmarks.figures import Figure, has_moved, main, measured, read_figures
from seedbed.project import ROOT

FIGURES = read_figures()


@pytest.mark.parametrize("page", sorted({figure.page for figure in FIGURES}))
def test_figures_stand_on_their_page(page: str) -> None:
    text = (ROOT / page).read_text(encoding="utf-8")
    assert not [each for each in FIGURES if each.page == page and each.shown not in text]


@pytest.mark.parametrize(
    ("shown", "value", "spread"),
    [("0.3397 ± 0.0058", 0.3397, 0.0058), ("143,267", 143267.0, 1.0), ("1.044", 1.044, 0.001)],
)
def test_figure_may_move_by_its_deviation_or_its_last_digit(
    shown: str, value: float, spread: float
) -> None:
    figure = Figure("", "", "val/loss", "", shown)
    assert (figure.value, figure.spread) == (value, pytest.approx(spread))


@pytest.mark.parametrize(
    ("metric", "shown", "values", "moved"),
    [
        ("val/loss", "0.30", [0.309], False),
        ("val/loss", "0.30", [0.311], True),
        ("val/loss", "0.30", [0.31, 0.37], False),  # their own deviation is 0.04
        ("highest val/loss", "0.37", [0.31, 0.30, 0.37], False),
        ("median val/loss", "0.37", [0.301, 0.302, 0.303], True),
        ("val/loss", "0.30", [], True),
    ],
)
def test_figure_has_moved_if_the_statistic_of_its_new_values_is_out_of_its_spread(
    metric: str, shown: str, values: list[float], moved: bool
) -> None:
    assert has_moved(Figure("", "", metric, "", shown), values)[0] == moved


@pytest.fixture
def docs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of pages and their table, and where runs are kept."""
    monkeypatch.setattr("benchmarks.figures.DOCS", tmp_path)
    monkeypatch.setattr("benchmarks.figures.LOGS", tmp_path)
    (tmp_path / "figures.toml").write_text("figures = []\n")
    return tmp_path


def test_lines_of_a_page_that_are_no_longer_printed_are_reported_and_no_command_runs_twice(
    docs: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    page = """```console
$ python -c "open('times', 'a').write('x'); print('loss 0.501 of', 'all')"
loss 0.5 of
loss 0.6 of
$ python -c "raise SystemExit(2)"
```"""
    (docs / "page.md").write_text(page)
    for _ in range(2):
        assert main([]) == 1
        printed = capsys.readouterr().out.splitlines()
        assert [line.split()[0] for line in printed] == ["ok", "MOVED", "MOVED", "2"]
        assert "loss 0.6" in printed[1]
        assert "failed" in printed[2]
    [times] = docs.rglob("times")
    assert times.read_text() == "x"
    assert main(["another"]) == 0


@pytest.mark.slow
def test_figures_that_moved_are_reported_and_finished_runs_are_not_trained_again(
    docs: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    brief = "max_epochs=2 data.held_out=20 logger=csv"
    found = measured(f"-m {brief} optimizer.lr=0.01,0.02", docs / "first", tested=True)
    assert found is not None
    best, worst = found.groups
    (docs / "figures.toml").write_text(
        f"""
[[figures]]
page = "p.md"
command = "-m {brief} optimizer.lr=0.01,0.02"
[figures.shown]
"val/loss" = "{best.summary("val/loss")}"
[figures.shown."test/loss"]
"{worst.label}" = "{worst.summary("test/loss")}"
[[figures]]
page = "p.md"
command = "{brief} optimizer.{best.label}"
shown = {{"last val/loss" = "{best.last("val/loss")}", "0 val/loss" = "0.5"}}
"""
    )
    assert main([]) == 1
    printed = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in printed] == ["ok", "ok", "ok", "MOVED", "1"]
    files = [*(docs / "docs-figures").rglob("metrics.json")]
    before = [file.stat().st_mtime_ns for file in files]
    main([])
    assert [file.stat().st_mtime_ns for file in files] == before
