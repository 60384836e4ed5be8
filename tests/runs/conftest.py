"""Small finished runs, one of each kind, that all tests of the verbs read and none may change."""

from collections.abc import Callable
from pathlib import Path

import pytest
from made import executed

from seedbed.record.directory import RunDirectory

Made = Callable[..., RunDirectory]


@pytest.fixture(scope="session")
def poems(tmp_path_factory: pytest.TempPathFactory) -> RunDirectory:
    """A language model of a few hundred parameters' worth of verse."""
    return executed(
        tmp_path_factory.mktemp("runs") / "poems",
        *("experiment=rhymes", "data.poems=300", "data.context=24"),
        *("data.batch_size=4", "net.depth=1", "max_steps=40", "val_check_interval=10"),
        "prompt='春山短歌'",
    )


@pytest.fixture(scope="session")
def exam(tmp_path_factory: pytest.TempPathFactory) -> RunDirectory:
    """A binary classifier."""
    return executed(
        tmp_path_factory.mktemp("runs") / "exam",
        *("experiment=marks", "max_epochs=4", "optimizer.lr=0.3"),
    )


@pytest.fixture(scope="session")
def digits(tmp_path_factory: pytest.TempPathFactory) -> RunDirectory:
    """An image classifier that gets about nine of ten right."""
    return executed(
        tmp_path_factory.mktemp("runs") / "digits",
        *("experiment=glyphs", "max_epochs=8", "net.hidden=[64]", "net.dropout=0"),
        "optimizer.lr=0.01",
    )


@pytest.fixture(scope="session")
def line(tmp_path_factory: pytest.TempPathFactory) -> RunDirectory:
    """A regression; small batches make its loss go up and down, so its best is not its last."""
    return executed(
        tmp_path_factory.mktemp("runs") / "line",
        *("max_epochs=10", "data.held_out=50", "data.batch_size=4", "optimizer.lr=0.01", "seed=1"),
    )


@pytest.fixture(scope="session")
def table_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A table of y = 2a - b."""
    path = tmp_path_factory.mktemp("data") / "my.csv"
    rows = [(a, b, 2 * a - b) for a in range(10) for b in range(5)]
    path.write_text("a,b,y\n" + "".join(f"{a},{b},{y}\n" for a, b, y in rows))
    return path


@pytest.fixture(scope="session")
def table(table_file: Path, tmp_path_factory: pytest.TempPathFactory) -> RunDirectory:
    """A linear model of the table, which it fits."""
    return executed(
        tmp_path_factory.mktemp("runs") / "table",
        *("data=table", f"data.path={table_file}", "data.target=y", "data.batch_size=full"),
        *("net.hidden=[]", "optimizer.lr=0.3", "max_epochs=60"),
    )
