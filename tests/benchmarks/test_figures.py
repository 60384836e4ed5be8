"""Figures in `docs/`: where they stand, and whether one that moved is reported."""

from pathlib import Path

import pytest

from benchmarks.figures import Figure, main, measured, read_figures
from seedbed.project import ROOT

FIGURES = read_figures()


@pytest.mark.parametrize("figure", FIGURES, ids=lambda each: f"{each.command} {each.run}")
def test_figure_stands_on_its_page(figure: Figure) -> None:
    assert figure.shown in (ROOT / figure.page).read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("shown", "value", "spread"),
    [("0.3397 ± 0.0058", 0.3397, 0.0058), ("143,267", 143267.0, 1.0), ("1.044", 1.044, 0.001)],
)
def test_figure_may_move_by_its_deviation_or_its_last_digit(
    shown: str, value: float, spread: float
) -> None:
    figure = Figure("", "", "", "", shown)
    assert (figure.value, figure.spread) == (value, pytest.approx(spread))


@pytest.mark.slow
def test_figures_that_moved_are_reported_and_finished_runs_are_not_trained_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    command = "-m max_epochs=2 data.held_out=20 logger=csv optimizer.lr=0.01,0.02"
    found = measured(command, tmp_path / "first")
    assert found is not None
    right = f"{found.groups[0].summary('val/loss')}"
    (table := tmp_path / "figures.toml").write_text(
        f"""[[sweep]]\npage = "p.md"\ncommand = "{command}"\nmetric = "val/loss"
[sweep.shown]\n"{found.groups[0].label}" = "{right}"\n"{found.groups[1].label}" = "0.5"\n"""
    )
    monkeypatch.setattr("benchmarks.figures.read_figures", lambda: read_figures(table))
    monkeypatch.setattr("benchmarks.figures.LOGS", tmp_path)
    assert main([]) == 1
    printed = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in printed] == ["ok", "MOVED", "1"]
    files = [*(tmp_path / "docs-figures").rglob("metrics.json")]
    before = [file.stat().st_mtime_ns for file in files]
    main([])
    assert [file.stat().st_mtime_ns for file in files] == before
