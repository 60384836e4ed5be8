"""`report.html` of a run: one file that says what was run, how it went, and how to go on.

All but the pictures comes from the run's own files, so a page can be written of an interrupted run,
or of one whose net cannot be built here.
"""

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import cycle, groupby
from pathlib import Path
from typing import Any

from seedbed.errors import RunError
from seedbed.files import place_text, writing
from seedbed.metric_directions import best_is
from seedbed.record.directory import typed
from seedbed.record.files import read_text
from seedbed.record.run import Run
from seedbed.record.settings import EXPERIMENT, SHOWING, TARGET, as_value, once, shown
from seedbed.report.chart import Chart, Line
from seedbed.report.comparison import duration, figure, typed_names
from seedbed.report.doctor import Finding
from seedbed.report.page import encoded, page
from seedbed.report.picture import Picture
from seedbed.report.style import COLOURS

FILE = "report.html"

GRADIENT = "gradient_norm"
"""How the norm of gradients is logged: no metric of how well it went, but a curve."""

PARTS = {"train": "training", "val": "validation", "test": "test part"}

COLUMNS = PARTS | {"": "other"}

OF_PART = re.compile(r"(train|val|test)[/_]([^/]+(?:/dataloader_idx_\d+)?)")
"""Names of metrics; modules of others say val_loss, and Lightning adds of which loader."""

NO_FIGURES = ("low/", "high/", *(f"{part}/" for part in PARTS))
"""How the names begin of bounds, and of what is shown elsewhere."""

MOST_LOG = 40_000
"""Characters of the end of `train.log` that the page has."""

TIME = re.compile(r"^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d  ", re.MULTILINE)
"""What a line of the log begins with."""

LAST_WORDS = re.compile(r"\nbest checkpoint \(.*?\n\n(.*?)\n*\nrun: ", re.DOTALL)
"""What a run's conclusions say, in its log."""


@dataclass(frozen=True)
class Contents:
    """What a run's files do not say."""

    kind: str = ""
    """The task's, as `regression`; empty where it is not known."""
    parameters: int | None = None
    """The net's."""
    findings: Sequence[Finding] = ()
    """What the training doctor saw."""
    pictures: Sequence[Picture] = ()
    defaults: Mapping[str, Any] | None = None
    """The experiment's own settings, flat; None where they are not known."""


def write_run_page(run: Run, contents: Contents) -> Path:
    """Write the page into the run's directory; one that is there is replaced.

    Raises:
        RunError: If it cannot be written.
    """
    file = run.path / FILE
    record = run.provenance
    curves, more = charts(run)
    rows = _rows(run)
    text = page(
        "run.html",
        title=title_of(run),
        run=run,
        contents=contents,
        facts=[*_facts(run, record, contents)],
        parts=[part for part in COLUMNS if any(part in cells for _, cells in rows)],
        part_names=COLUMNS,
        rows=rows,
        best=_best(run),
        curves=curves,
        more_curves=more,
        pictures=[(p.title, p.alt, encoded(p.png)) for p in contents.pictures],
        last_words=_last_words(run),
        log=_log(run),
        settings=[*_settings(run, contents.defaults)],
        differing=[*_differing(run, contents.defaults)],
        origin=[*_origin(run, record)],
        steps=[*_next_steps(run, contents.kind)],
        again=[*_again(run)],
        figure=figure,
    )
    with writing(run.path):
        place_text(file, text)
    return file


DRAWN = ("training",)
"""The pictures that the page has as charts already, and TensorBoard as curves."""


def title_of(run: Run) -> str:
    """The run's name, else its experiment's."""
    return str(run.config.get("name") or run.config.get(EXPERIMENT) or run.path.name)


def _facts(run: Run, record: Mapping[str, Any], contents: Contents) -> Iterator[tuple[str, str]]:
    """What was run, in a few lines."""
    config = run.config

    def chosen(group: str) -> str:
        return str(config.get(f"{group}.{TARGET}") or "").rpartition(".")[2]

    yield "experiment", f"{config.get(EXPERIMENT, '?')}, seed {config.get('seed', '?')}"
    data = {k: v for k, v in (record.get("data") or {}).items() if k != "sha256"}
    facts = ", ".join(f"{name.replace('_', ' ')} {_number(value)}" for name, value in data.items())
    yield "data", ": ".join(filter(None, (chosen("data"), facts)))
    count = "" if contents.parameters is None else f"{contents.parameters:,} parameters"
    yield "net", ", ".join(filter(None, (chosen("net") or chosen("task"), count)))
    schedule = chosen("scheduler")
    rate = config.get("optimizer.lr")
    rated = f"rate {shown(rate)}" if rate is not None else ""
    if optimizer := ", ".join(filter(None, (chosen("optimizer"), rated, schedule))):
        yield "optimizer", optimizer
    yield "length", f"{run.steps:,} steps in {duration(run.seconds)}"
    if run.partial:
        yield "partial", f"on a part of the data alone, by {', '.join(run.partial)}"
    if config.get("notes"):
        yield "notes", str(config["notes"])
    if config.get("tags"):
        yield "tags", shown(as_value(config["tags"]))


def _number(value: Any) -> str:
    return f"{value:,}" if isinstance(value, int | float) else str(value)


# --- metrics ------------------------------------------------------------------------------------


def _rows(run: Run) -> list[tuple[str, dict[str, tuple[str, str]]]]:
    """Each metric with its figure by part, and the figure's interval; last what is of no part."""
    rows: dict[str, dict[str, tuple[str, str]]] = {}
    for name, value in run.figures.items():
        found = OF_PART.fullmatch(name)
        if name == "step" or (not found and name.startswith(NO_FIGURES)) or GRADIENT in name:
            continue
        part, metric = found.groups() if found else ("", name)
        bounds = [run.figures.get(f"{end}/{name}") for end in ("low", "high")]
        known = [figure(bound) for bound in bounds if bound is not None]
        rows.setdefault(metric, {})[part] = figure(value), " to ".join(known)
    return sorted(rows.items(), key=lambda row: ("" in row[1], row[0] != "loss", row[0]))


def _best(run: Run) -> str:
    """Which checkpoint the figures are of."""
    monitor = run.config.get("monitor")
    way = "highest" if run.config.get("mode") == "max" else "lowest"
    step = run.final.get("step")
    where = f", step {step:,.0f}" if step is not None and math.isfinite(step) else ""
    if monitor is None:
        return f"Of the last checkpoint{where}."
    kept = "checkpoint" if run.final else "validation so far"
    return f"Of the best {kept}: the {way} {monitor}{where}."


# --- curves -------------------------------------------------------------------------------------


def charts(run: Run) -> tuple[list[Chart], list[Chart]]:
    """The curves that come first, the loss, what decides, rates and gradients; and all others."""
    measured: dict[str, list[Line]] = {}
    for part, colour, look in (
        ("train", COLOURS[3], "dashed"),
        ("val", COLOURS[0], "solid"),
    ):
        for name in run.log:
            found = re.fullmatch(rf"{part}[/_](.+)", name)
            if found and (points := run.curve(name, "step")):
                line = Line(PARTS[part], points, colour, look)  # type: ignore[arg-type]
                measured.setdefault(found[1], []).append(line)
    monitor = str(run.config.get("monitor") or "")
    decides = re.sub(r"^(train|val)[/_]", "", monitor)
    if batches := _batches(run, "loss"):
        loss = measured.setdefault("loss", [])
        loss.insert(0, Line("batches", batches, COLOURS[3], "faint"))
    gradients = {name: measured.pop(name) for name in [*measured] if GRADIENT in name}
    first = [_chart(run, n, measured.pop(n), monitor) for n in ("loss", decides) if n in measured]
    rates = {"learning rate": _batches(run, "learning_rate") or run.curve("learning_rate", "step")}
    of_groups = [name for name in run.log if name.startswith("learning_rate/")]
    rates |= {name.partition("/")[2]: run.curve(name, "step") for name in of_groups}
    if len({y for points in rates.values() for _, y in points}) > 1:
        coloured = zip(rates.items(), COLOURS, strict=False)
        lines = [Line(name, points, colour) for (name, points), colour in coloured if points]
        first.append(Chart("Learning rate", lines))
    if gradients:
        lines = [
            Line(name.removeprefix(GRADIENT).strip("/") or "all", each[0].points, colour)
            for (name, each), colour in zip(gradients.items(), cycle(COLOURS), strict=False)
        ]
        first.append(Chart("Gradient norm", lines, falls=True))
    return first, [_chart(run, name, lines, monitor) for name, lines in sorted(measured.items())]


def _batches(run: Run, name: str) -> list[tuple[float, float]]:
    """What was logged of single batches, over steps; empty where nothing was."""
    pairs = zip(run.batches.get("step", []), run.batches.get(name, []), strict=False)
    return [(x, y) for x, y in pairs if x is not None and y is not None]


def _chart(run: Run, name: str, lines: list[Line], monitor: str) -> Chart:
    dots = []
    step, value = run.final.get("step"), run.final.get(monitor)
    if monitor.endswith(name) and step is not None and value is not None:
        dots = [(step, value, f"best: {figure(value)} at step {step:,.0f}")]
    title = name.replace("_", " ").capitalize()
    return Chart(title, lines, falls=best_is(name) == "min", dots=dots)


# --- words --------------------------------------------------------------------------------------


def _log(run: Run) -> str:
    try:
        return read_text(run.path / "train.log")[-MOST_LOG:]
    except (FileNotFoundError, RunError):
        return ""


def _last_words(run: Run) -> str:
    """What the run's net and callbacks said at its end: a sample, an equation."""
    [*said] = LAST_WORDS.finditer(TIME.sub("", _log(run)))
    return "\n".join(line.removeprefix("    ") for line in said[-1][1].splitlines()) if said else ""


# --- settings -----------------------------------------------------------------------------------


def _settings(
    run: Run, defaults: Mapping[str, Any] | None
) -> Iterator[tuple[str, list[tuple[str, str, str]]]]:
    """Settings by group, each with the experiment's own where that is another."""
    keys = [key for key in run.config if key != "schema_version"]
    for group, members in groupby(keys, lambda key: key.partition(".")[0] if "." in key else ""):
        values = {key: shown(as_value(run.config[key])) for key in members}
        yield group, [(key, value, _default(run, key, defaults)) for key, value in values.items()]


def _differing(run: Run, defaults: Mapping[str, Any] | None) -> Iterator[tuple[str, str, str]]:
    """Those that are not the experiment's own, each once, without what changes no figure."""
    kept = once({key: (as_value(value),) for key, value in run.config.items()})
    for key, (value,) in kept.items():
        if not key.startswith(SHOWING) and (default := _default(run, key, defaults)):
            yield key, shown(value), default


def _default(run: Run, key: str, defaults: Mapping[str, Any] | None) -> str:
    """What the experiment has in a setting's place, in words; empty if that is the same."""
    if defaults is None:
        names = typed_names(run)
        return "as typed" if any(f"{key}.".startswith(f"{name}.") for name in names) else ""
    if key not in defaults:
        return "not in the experiment"
    default = shown(as_value(defaults[key]))
    return "" if default == shown(as_value(run.config[key])) else f"in the experiment: {default}"


# --- where from, where to -------------------------------------------------------------------------


def _origin(run: Run, record: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Where the run comes from."""
    if run.command:
        yield "command", run.command
    if run.status.get("started"):
        yield "started", str(run.status["started"])
    if run.commit:
        yield (
            "code",
            f"{run.commit}{', with uncommitted changes (in provenance.json)' * run.changed}",
        )
    hardware = record.get("hardware") or {}
    accelerators = ", ".join(map(str, hardware.get("accelerators") or []))
    machine = [hardware.get("processor"), f"{hardware.get('cores', '?')} cores", accelerators]
    if hardware:
        yield "machine", ", ".join(str(word) for word in machine if word)
    how = {name: record.get(name) for name in ("device", "precision", "processes", "threads")}
    if any(how.values()):
        yield "computed", ", ".join(f"{name} {value}" for name, value in how.items() if value)
    versions = record.get("versions") or {}
    yield "versions", ", ".join(f"{name} {version}" for name, version in versions.items())
    if digest := (record.get("data") or {}).get("sha256"):
        yield "data's SHA-256", str(digest)
    if weights := record.get("weights"):
        yield "initial weights", ", ".join(map(str, weights.values()))
    for start in record.get("resumed") or []:
        yield "went on", f"{start.get('time')}: {' '.join(map(str, start.get('command') or []))}"
    for opening in record.get("test_opened") or []:
        yield (
            "test part opened",
            f"by {opening.get('by')}, of {opening.get('checkpoint')}, step {opening.get('step')}",
        )


def _next_steps(run: Run, kind: str) -> Iterator[tuple[str, str]]:
    """Commands by which to go on, each with what it does."""
    here = str(run.path)
    if not run.finished:
        yield "go on from the last checkpoint", typed("resume", here)
    elif longer := _longer(run):
        yield "train for twice as long", typed("resume", here, longer)
    if kind in ("regression", "binary", "multiclass"):
        yield "predict from new inputs", typed("predict", here, "INPUT")
    if kind == "language":
        yield "write more text", typed("generate", here, "--count", "5")
    if kind:
        yield "play with it in a browser", typed("demo", here)
    tensorboard = typed("--logdir", here, program="tensorboard", module="tensorboard.main")
    yield "see its curves in TensorBoard", tensorboard
    if run.config.get("test") is False and not run.openings:
        yield (
            "measure it on the test part, which is recorded",
            typed("evaluate", here, "--split", "test"),
        )
    yield "compare it with others", typed("compare", here, "OTHER")


def _longer(run: Run) -> str:
    for name in ("max_steps", "max_epochs"):
        length = run.config.get(f"trainer.{name}")
        if isinstance(length, int) and length > 0:
            return f"{name}={2 * length}"
    return ""


def _again(run: Run) -> Iterator[tuple[str, str]]:
    """Commands by which to do it again."""
    if run.finished:
        yield "the same again, compared figure by figure", typed("reproduce", str(run.path))
    if run.commit:
        yield "the code it ran with", f"git checkout {run.commit}"
    if run.command:
        yield "as it was typed", run.command
