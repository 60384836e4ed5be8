"""Pictures of regressions and of their loss, held against the run's own files and net."""

from pathlib import Path

import numpy as np
import pytest
import torch
from made import executed, values_of
from matplotlib.axes import Axes

from seedbed.record.directory import RunDirectory
from seedbed.record.run import find_runs, read_run
from seedbed.report.comparison import compare
from seedbed.report.landscape import draw_landscape, landscape
from seedbed.report.paths import draw_paths
from seedbed.report.picture import Picture, pictures_of
from seedbed.report.style import drawing
from seedbed.report.view import View
from seedbed.runs.load import load
from seedbed.runs.view import open_view


@pytest.fixture(scope="module")
def linear(tmp_path_factory: pytest.TempPathFactory) -> RunDirectory:
    """A net of two parameters."""
    settings = ("net=linear", "max_epochs=12", "data.held_out=50")
    return executed(tmp_path_factory.mktemp("runs") / "linear", *settings)


def drawn(run: RunDirectory) -> dict[str, Picture]:
    return {picture.name: picture for picture in pictures_of(open_view(run.path))}


def curve(axes: Axes, label: str) -> np.ndarray:
    [found] = [one for one in axes.lines if one.get_label() == label]
    return np.asarray(found.get_xydata())


def logged(run: RunDirectory, metric: str) -> list[float]:
    return values_of(run.path / "metrics.csv", metric)


def test_pictures_of_a_line_and_of_two_parameters(line: RunDirectory, linear: RunDirectory) -> None:
    assert [*drawn(line)] == ["training", "layers", "line", "fit"]
    assert [*drawn(linear)] == ["training", "layers", "landscape", "fit"]


# --- the loss over the weights --------------------------------------------------------------------


def test_landscape_is_the_mean_squared_error_of_the_training_points(linear: RunDirectory) -> None:
    view = open_view(linear.path)
    assert view.path
    ground = landscape(view, [view.path.weights])
    inputs, targets = (part.flatten().numpy() for part in view.datamodule.splits.train)
    for row, column in ((0, 0), (10, 70), (80, 3)):
        errors = ground.x[column] * inputs + ground.y[row] - targets
        assert ground.loss[row, column] == pytest.approx((errors**2).mean(), rel=1e-4)


def test_path_on_the_landscape_goes_from_the_seeds_weights_to_the_last(
    linear: RunDirectory,
) -> None:
    view = open_view(linear.path)
    [axes] = drawn(linear)["landscape"].figure.axes
    walked = curve(axes, "the fit")
    last = load(linear.path, "last").net
    assert view.start
    assert walked[0] == pytest.approx(weights(view.start().net), rel=1e-6)
    assert walked[-1] == pytest.approx(weights(last), rel=1e-6)
    assert len(walked) == 13


def weights(net: torch.nn.Module) -> list[float]:
    return [float(x) for p in net.parameters() for x in p.detach().flatten()]


def test_edge_of_a_penalty_goes_through_the_fits_end(table_file: Path, tmp_path: Path) -> None:
    own = ("data=table", f"data.path={table_file}", "data.target=y")
    run = executed(tmp_path / "two", *own, "net=linear", "net.bias=false", "max_epochs=2")
    view = open_view(run.path)
    for power in (1, 2):
        view.task.l1, view.task.l2 = 0.1 * (power == 1), 0.1 * (power == 2)
        [picture] = draw_landscape(view)
        [axes] = picture.figure.axes
        edge = abs(curve(axes, f"the same L{power} penalty")) ** power
        end = abs(curve(axes, "the fit")[-1]) ** power
        assert edge.sum(axis=1) == pytest.approx(np.full(101, end.sum()), rel=1e-4)
        assert edge.max(axis=0) == pytest.approx([end.sum()] * 2, rel=1e-4)


def test_loss_along_the_line_is_the_logs_at_its_ends(line: RunDirectory) -> None:
    [axes] = drawn(line)["line"].figure.axes
    shares, losses = np.asarray(axes.lines[0].get_xydata()).T
    at = {round(float(share), 6): float(loss) for share, loss in zip(shares, losses, strict=True)}
    assert at[0.0] == pytest.approx(logged(line, "val/loss")[0], rel=1e-5)
    assert at[1.0] == pytest.approx(line.metrics()["val/loss"], rel=1e-5)


def test_weights_are_the_runs_own_again_after_a_picture(line: RunDirectory) -> None:
    view = open_view(line.path)
    before = weights(view.net)
    pictures_of(view)
    assert weights(view.net) == before


def test_run_that_began_with_other_weights_has_no_line_from_its_seed(line: RunDirectory) -> None:
    view = open_view(line.path)
    without = View(view.run, view.task, view.datamodule)
    assert [picture.name for picture in pictures_of(without)] == ["training", "layers", "fit"]


def test_paths_of_a_sweep_are_on_one_landscape(linear: RunDirectory, tmp_path: Path) -> None:
    other = ("net=linear", "optimizer=adam", "max_epochs=12", "data.held_out=50")
    places = [linear.path, executed(tmp_path / "adam", *other).path]
    opened: list[Path] = []

    def view(path: Path) -> View:
        opened.append(path)
        return open_view(path)

    with drawing():
        assert draw_paths(compare(find_runs(places)), tmp_path / "paths.png", view=view)
    assert len(opened) == 1
    assert (tmp_path / "paths.png").stat().st_size > 10_000


def test_runs_on_other_points_have_no_landscape_in_common(
    linear: RunDirectory, tmp_path: Path
) -> None:
    other = executed(tmp_path / "few", "net=linear", "max_epochs=2", "data.points=20")
    with drawing():
        together = compare(find_runs([linear.path, other.path]))
        assert not draw_paths(together, tmp_path / "paths.png", view=open_view)


# --- the fitted curve -----------------------------------------------------------------------------


def test_residuals_are_targets_less_predictions_of_validation(line: RunDirectory) -> None:
    run = load(line.path)
    inputs, targets = run.datamodule.splits.val
    with torch.no_grad():
        expected = (targets - run.net(inputs)).flatten().numpy()
    picture = drawn(line)["fit"]
    x, residuals = np.asarray(picture.figure.axes[1].lines[0].get_xydata()).T
    assert x == pytest.approx(inputs.flatten().numpy())
    assert residuals == pytest.approx(expected, abs=1e-5)
    loss = run.metrics["val/mse"]
    assert f"mean square is {loss:.4f}" in picture.alt


def test_curve_is_what_the_net_gives_and_truth_what_the_law_says(line: RunDirectory) -> None:
    run = load(line.path)
    above = drawn(line)["fit"].figure.axes[0]
    x, y = curve(above, "best").T
    with torch.no_grad():
        expected = run.net(torch.from_numpy(x)[:, None].float()).flatten().numpy()
    assert y == pytest.approx(expected, abs=1e-4)
    x, y = curve(above, "truth").T
    assert y == pytest.approx(2 * x + 1, abs=1e-4)


def test_first_curve_is_that_of_the_seeds_weights(line: RunDirectory) -> None:
    view = open_view(line.path)
    above = drawn(line)["fit"].figure.axes[0]
    x, y = curve(above, "step 0").T
    assert view.start
    with torch.no_grad():
        expected = view.start().net(torch.from_numpy(x)[:, None].float()).flatten().numpy()
    assert y == pytest.approx(expected, abs=1e-4)


def test_of_several_columns_predictions_stand_beside_targets_in_their_unit(
    table: RunDirectory,
) -> None:
    above, _ = drawn(table)["fit"].figure.axes
    run = load(table.path)
    inputs, targets = run.datamodule.splits.val
    mean, deviation = run.datamodule.target_scale
    with torch.no_grad():
        predictions = (mean + deviation * run.net(inputs)).flatten().numpy()
    shown = np.asarray(above.lines[0].get_xydata())
    assert shown[:, 0] == pytest.approx(predictions, abs=1e-4)
    assert shown[:, 1] == pytest.approx((mean + deviation * targets).flatten().numpy(), abs=1e-4)


def test_only_validation_is_looked_at(line: RunDirectory) -> None:
    view = open_view(line.path)
    view.datamodule.sealed = True
    assert [picture.name for picture in pictures_of(view)] == ["training", "layers", "line", "fit"]
    assert read_run(line.path).openings == view.run.openings
