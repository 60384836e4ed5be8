"""What a run says of an input, as bars: from the columns that `seedbed predict` adds."""

from collections.abc import Sequence

from seedbed.data.rows import RowsDataModule
from seedbed.runs.load import LoadedRun

PROBABILITY = "probability"


def as_bars(
    run: LoadedRun, names: Sequence[str], cells: Sequence[object]
) -> dict[str, float] | str:
    """Each class with its probability, or what was predicted.

    Args:
        run: The run.
        names: Those of the columns that a prediction adds.
        cells: Their values for one input.
    """
    chances = {
        name.removeprefix(PROBABILITY).lstrip("_"): float(str(cell))
        for name, cell in zip(names, cells, strict=True)
        if name.startswith(PROBABILITY)
    }
    if not chances:
        return f"{float(str(cells[0])):.4g}"
    if len(chances) == 1:
        [chance] = chances.values()
        labels = labels_of(run) or ["0", "1"]
        chances = {labels[1]: chance, labels[0]: 1 - chance}
    return chances


def height(names: Sequence[str], cells: Sequence[object], labels: Sequence[str]) -> float:
    """What a surface shows of an input: a probability, a class's number, or what was predicted."""
    chances = [n for n, name in enumerate(names) if name.startswith(PROBABILITY)]
    if len(chances) > 1:
        return float(labels.index(str(cells[list(names).index("class")])))
    return float(str(cells[chances[0] if chances else 0]))


def labels_of(run: LoadedRun) -> list[str]:
    """What the classes are called; empty where by their numbers, or where there are none."""
    assert isinstance(run.datamodule, RowsDataModule)
    return [*map(str, run.datamodule.labels)]
