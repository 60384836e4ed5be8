"""The loss as a function of the weights: where a fit went, and what lay on its way.

Of a net with two parameters all of it is drawn, as contours, with the path of the fit on them: the
training loss, which the fit has minimised, and under a penalty the diamond (L1) or circle (L2) of
weights that are penalised as much as those at the end. Of other nets the validation loss is, along
the straight line from the first weights to the best ones (Goodfellow, Vinyals & Saxe 2015); the
first ones follow from the seed, and nothing is stored for it.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from seedbed.report.comparison import figure as written
from seedbed.report.picture import Picture
from seedbed.report.scales import set_log, spans
from seedbed.report.style import COLOURS, INK, panels
from seedbed.report.view import FitPath, View

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from torch import Tensor

PLACES = 81
"""Places a side where the landscape's loss is computed."""

AT_ONCE = 2**21
"""Examples that are computed at once, at all places together."""

ALONG = 13
"""Places along a line, which goes a quarter beyond either end."""

WORK = 5 * 10**7
"""Parameters times examples that a loss along a line may take."""

FEWEST, MOST = 256, 4096
"""Examples of which it is, at least and at most."""


def draw_landscape(view: View) -> Iterator[Picture]:
    """The picture `landscape` of a net with one or two parameters, `line` of any other."""
    if not hasattr(view.task, "make_metrics"):  # a module of someone's own may measure anything
        return
    size = sum(p.numel() for p in view.net.parameters())
    if size > 2:
        if view.start:
            yield _draw_line(view, size)
    elif view.path and size:
        yield _draw_path(view, view.path)


# --- two parameters -------------------------------------------------------------------------------


@dataclass(frozen=True)
class Landscape:
    """The training loss over two parameters."""

    x: np.ndarray
    """(columns,)."""
    y: np.ndarray
    """(rows,)."""
    loss: np.ndarray
    """(rows, columns)."""


def landscape(view: View, paths: Sequence["Tensor"]) -> Landscape:
    """The loss around paths (steps, 2), a quarter further than they reach to each side."""
    import torch

    every = torch.cat([*paths])
    low, high = every.amin(0), every.amax(0)
    margin = 0.25 * (high - low).clamp(min=0.05 * float((high - low).max()) + 1e-3)
    sides = [
        torch.linspace(float(a), float(b), PLACES)
        for a, b in zip(low - margin, high + margin, strict=True)
    ]
    places = torch.cartesian_prod(sides[1], sides[0]).flip(1)  # (rows · columns, 2)
    losses = _losses_at_all(view, places)
    return Landscape(sides[0].numpy(), sides[1].numpy(), losses.reshape(PLACES, PLACES))


def _losses_at_all(view: View, vectors: "Tensor") -> np.ndarray:
    """The training loss for each of many vectors (N, parameters): (N,), computed together."""
    import torch
    from torch.func import functional_call, vmap

    class Loss(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.task = view.task

        def forward(self, batch: Any) -> "Tensor":
            loss: Tensor = self.task.step(batch).loss
            return loss

    module, shapes = Loss(), [p.shape for p in view.net.parameters()]

    def loss(vector: "Tensor", batch: Any) -> "Tensor":
        parts = torch.split(vector, [shape.numel() for shape in shapes])
        named = zip(view.parameters, parts, shapes, strict=True)
        weights = {f"task.{name}": part.view(shape) for name, part, shape in named}
        found: Tensor = functional_call(module, weights, (batch,))
        return found

    total, count = np.zeros(len(vectors)), 0
    with view.evaluating() as net:
        device = next(net.parameters()).device
        for batch in view.datamodule.train_dataloader():
            rows = len(batch[0])
            of_each = vmap(loss, in_dims=(0, None), chunk_size=max(1, AT_ONCE // rows))
            losses = of_each(vectors.to(device), [part.to(device) for part in batch])
            total, count = total + rows * losses.cpu().numpy(), count + rows
    return total / count


def losses_at(view: View, vectors: Iterable["Tensor"], batches: Sequence[Any]) -> np.ndarray:
    """The mean loss over batches for each of N vectors (parameters,): (N,)."""
    found = []
    device = next(iter(view.net.parameters())).device
    batches = [[part.to(device) for part in batch] for batch in batches]
    with view.at(vectors) as places:
        for _ in places:
            steps = [view.task.step(batch) for batch in batches]
            total = sum(step.count for step in steps)
            found.append(sum(float(step.loss) * step.count for step in steps) / total)
    return np.array(found)


def draw_contours(axes: "Axes", ground: Landscape) -> None:
    """The landscape, darker where it is lower; each line is a loss."""
    least = float(ground.loss.min())
    span = float(ground.loss.max()) - least or 1.0
    levels = least + span * np.geomspace(1e-4, 1, 17)
    axes.contourf(ground.x, ground.y, ground.loss, [least, *levels], colors=_shades(len(levels)))
    axes.contour(ground.x, ground.y, ground.loss, levels, colors="white", linewidths=0.5)
    axes.grid(visible=False)


def _shades(count: int) -> list[Any]:
    """Blues that become lighter, none so dark that a line on it is lost."""
    from matplotlib import colormaps

    return [colormaps["Blues"](0.55 - 0.5 * n / (count - 1)) for n in range(count)]


def axis_names(view: View) -> list[str]:
    """What the parameters are called."""
    names = []
    for name, parameter in view.net.named_parameters():
        short = name.rpartition(".")[2]
        count = parameter.numel()
        names += [short] if count == 1 else [f"{short} {place + 1}" for place in range(count)]
    return names


def _draw_path(view: View, path: FitPath) -> Picture:
    names = axis_names(view)
    if len(names) == 1:
        return _draw_valley(view, path)
    figure, [axes] = panels([4])
    edge = _penalised_alike(view, path.weights[-1])
    ground = landscape(view, [path.weights, *edge.values()])
    draw_contours(axes, ground)
    draw_steps(axes, path, COLOURS[3], "the fit")
    for label, corners in edge.items():
        axes.plot(*corners.T.tolist(), color=COLOURS[1], linewidth=1.5, label=label)
        axes.set_aspect("equal")
    axes.set(xlabel=names[0], ylabel=names[1])
    axes.legend(loc="best")
    (x0, y0), (x1, y1) = path.weights[[0, -1]].tolist()
    alt = (
        f"Contours of the training loss over {names[0]} and {names[1]}; its lowest here is "
        f"{written(float(ground.loss.min()))}. The fit goes from ({x0:.3g}, {y0:.3g}) to "
        f"({x1:.3g}, {y1:.3g}) in {path.steps[-1]:,} steps."
    )
    return Picture("landscape", "Training loss, and the path of the fit", alt, figure)


def _penalised_alike(view: View, end: "Tensor") -> dict[str, "Tensor"]:
    """Weights (101, 2) that are penalised as much as those at a fit's end, by their label.

    Empty without a penalty, with both, and where a parameter is spared it, as a bias is.
    """
    import torch

    penalties = [name for name in ("l1", "l2") if getattr(view.task, name, 0)]
    if len(penalties) != 1 or any(p.ndim < 2 for p in view.net.parameters()):
        return {}
    around = torch.linspace(0, 2 * torch.pi, 101)
    places = torch.stack([around.cos(), around.sin()], dim=1)
    power = 1 if penalties == ["l1"] else 2
    size = end.norm(p=power)
    return {f"the same L{power} penalty": size * places / places.norm(p=power, dim=1, keepdim=True)}


def draw_steps(axes: "Axes", path: FitPath, colour: str, label: str) -> None:
    """A path (steps, 2) with a dot for each of its steps that was kept, a ring where it ends."""
    x, y = path.weights.T.tolist()
    axes.plot(x, y, ".-", color=colour, linewidth=1.2, markersize=4, label=label)
    axes.plot(x[-1], y[-1], "o", color=colour, markeredgecolor=INK, markersize=7, zorder=4)


def _draw_valley(view: View, path: FitPath) -> Picture:
    """One parameter: the loss as a curve, and the fit's steps on it."""
    import torch

    batches = [*view.datamodule.train_dataloader()]
    low, high = float(path.weights.min()), float(path.weights.max())
    margin = 0.25 * (high - low) or 1.0
    values = torch.linspace(low - margin, high + margin, PLACES)
    figure, [axes] = panels([3])
    axes.plot(values.numpy(), losses_at(view, values[:, None], batches), color=COLOURS[0])
    walked = losses_at(view, path.weights, batches)
    axes.plot(path.weights[:, 0].numpy(), walked, ".-", color=COLOURS[3], label="the fit")
    axes.set(xlabel=axis_names(view)[0], ylabel="training loss")
    axes.legend(loc="best")
    alt = (
        f"The training loss over one weight; the fit goes from {walked[0]:.4g} to {walked[-1]:.4g}."
    )
    return Picture("landscape", "Training loss, and the path of the fit", alt, figure)


# --- along a line ---------------------------------------------------------------------------------


def _draw_line(view: View, size: int) -> Picture:
    import torch

    def vector(net: Any) -> "Tensor":
        return torch.cat([p.detach().reshape(-1) for p in net.parameters()]).cpu()

    assert view.start
    start = view.start()
    first, best = vector(getattr(start, "net", start)), vector(view.net)
    shares = torch.linspace(-0.25, 1.25, ALONG)
    batches, rows = _few(view, size)
    along = losses_at(view, (first.lerp(best, float(share)) for share in shares), batches)
    figure, [axes] = panels([3])
    axes.plot(shares.numpy(), along, ".-", color=COLOURS[0])
    for share, name in ((0.0, "start"), (1.0, "best")):
        axes.axvline(share, color=INK, linewidth=0.8, linestyle=":")
        axes.annotate(
            name,
            (share, 1.0),
            xycoords=("data", "axes fraction"),
            ha="center",
            va="bottom",
            fontsize=9,
        )
    if spans(along.tolist(), 20):
        set_log(axes, "y", float(along.min()) / 1.3, float(along.max()) * 1.3)
    axes.set(xlabel="share of the way from the first weights to the best", ylabel="loss")
    at = {share: float(loss) for share, loss in zip(shares.tolist(), along, strict=True)}
    ends = [written(min(at.items(), key=lambda one: abs(one[0] - end))[1]) for end in (0, 1)]
    alt = (
        f"Loss on {rows} along the straight line from the first weights to the best: {ends[0]} "
        f"there, {ends[1]} here, at most {written(float(along[2:-2].max()))} in between."
    )
    return Picture("line", f"Loss along a line, on {rows}", alt, figure)


def _few(view: View, size: int) -> tuple[list[Any], str]:
    """Examples of validation, fewer of a large net, in batches; and which they are."""
    most, count, found = min(max(WORK // size, FEWEST), MOST), 0, []
    for inputs, targets in view.datamodule.val_dataloader():
        each = targets[0].numel() if view.kind == "language" else 1
        rows = max(1, (most - count) // each)
        found.append((inputs[:rows], targets[:rows]))
        count += len(found[-1][0]) * each
        if count + each > most:
            break
    unit = getattr(view.task, "unit", "rows")
    return found, f"the first {count:,} {unit} of validation"
