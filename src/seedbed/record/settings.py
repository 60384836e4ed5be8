"""A run's settings as they are named and compared: flat, each once, in plain values."""

from collections.abc import Mapping
from typing import Any

Value = str | float
"""A setting's value: a number, or a text as it is typed on the command line."""

LARGEST = 1e100
"""Numbers from here on are texts: no axis has them."""

NULL = "null"
"""The value of a setting that is off, or that a run does not have."""

EXPERIMENT = "experiment_name"
NAME = "name"
TARGET = "_target_"

SHOWING = (
    *("schema_version", "paths.", "logger.", "print_", "report", "callbacks.confusion."),
    *("callbacks.predictions.", "callbacks.progress.", "callbacks.robustness."),
    *("callbacks.throughput.", "callbacks.weight_path.", "callbacks.weight_table."),
    *("callbacks.diagnostics.", "callbacks.board.", "log_every", "trainer.log_every_n_steps"),
)
"""Settings of where things lie and what is shown; they change nothing that is measured."""

WORDS = (NAME, "tags", "notes")
"""Settings that say something of a run."""


def listed(config: Mapping[str, Any]) -> dict[str, Value]:
    """A run's settings out of a flat configuration, each once, and classes by their names alone."""
    shown = {
        key: value for key, value in config.items() if not (key.startswith(SHOWING) or key in WORDS)
    }
    settings = {}
    for key, [value] in once({key: (as_value(value),) for key, value in shown.items()}).items():
        is_class = key.endswith(f".{TARGET}")
        name = key.removesuffix(f".{TARGET}")
        settings[name] = str(value).rpartition(".")[2] if is_class else value
    return settings


def once(columns: dict[str, tuple[Value, ...]]) -> dict[str, tuple[Value, ...]]:
    """Leave out what another setting hands on, as `max_steps` does to `trainer.max_steps`."""
    kept: dict[str, tuple[Value, ...]] = {}
    seen: set[tuple[str, tuple[Value, ...]]] = set()
    for key in sorted(columns, key=lambda key: key.count(".")):
        mark = (key.rpartition(".")[2], columns[key])
        if mark not in seen:
            seen.add(mark)
            kept[key] = columns[key]
    return {key: column for key, column in columns.items() if key in kept}


def as_value(value: Any) -> Value:
    """A setting of plain types as one value: a number, or a text."""
    if isinstance(value, bool) or value is None:
        return NULL if value is None else str(value).lower()
    if isinstance(value, int | float):
        return value if abs(value) < LARGEST else str(value)  # as is what is no number
    if isinstance(value, list):
        return "[" + ",".join(shown(as_value(item)) for item in value) + "]"
    return str(value)


def shown(value: Value) -> str:
    """A value as it is typed."""
    return f"{value:g}" if isinstance(value, float) else str(value)
