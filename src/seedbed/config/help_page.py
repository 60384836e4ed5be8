"""The page that `python train.py --help` shows, by `hydra.help` of conf/train.yaml.

Hydra's own lists every setting of the usual experiment; `--cfg job` does so for any.
"""

import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from textwrap import fill

from seedbed.config.overrides import USUAL_EXPERIMENT
from seedbed.project import CONF

FIRST = (
    ("python train.py experiment={usual}", "train; the run is kept in logs"),
    ("python train.py experiment={usual} optimizer=adam max_epochs=50", "with other choices"),
    ("python train.py -m experiment={usual} optimizer=sgd,adam seeds=3", "a sweep: 6 runs"),
    ("seedbed open RUN", "a run's report"),
    ("seedbed compare logs", "all runs, ranked"),
)

COMMON = (
    ("max_epochs=50", "how long a fit is; or in steps, max_steps=1000"),
    ("optimizer.lr=0.01", "the learning rate"),
    ("data.batch_size=32", "examples a step; of tables, points and images also full"),
    ("seed=1", "of random numbers: initial weights, order of the data, dropout"),
    ("trainer=gpu", "where to train, in which precision; several processes: trainer=ddp"),
    ("callbacks=early_stopping", "several: callbacks=[early_stopping,averaging]"),
    ("monitor=val/loss", "the metric that decides which checkpoint is the best"),
    ("weights=RUN", "begin with another run's weights"),
    ("test=false", "leave the test part sealed"),
    ("name=first", "what to call the run; with words to find it by, tags=[a,b]"),
)

VERBS = (
    *("runs", "open", "report", "compare", "resume", "evaluate", "predict", "generate", "demo"),
    *("export", "reproduce", "execute", "check", "find-rate", "fetch", "new", "remove"),
)

FURTHER = (
    ("python train.py experiment=NAME --cfg job", "every setting of it; nothing is trained"),
    ("docs/reference.md", "every setting of every choice: type, default, meaning"),
    ("README.md", "what else there is to read"),
    ("seedbed VERB --help", f"VERB is {', '.join(VERBS)}"),
    ("seedbed --install-completion", "the shell completes verbs"),
    ('eval "$(python train.py -sc install=bash)"', "bash completes choices and settings"),
)

WIDTH = 100


def help_page() -> str:
    """The page, with `$` doubled, as Hydra's template asks for."""
    found = USUAL_EXPERIMENT.search((CONF / "train.yaml").read_text(encoding="utf-8"))
    usual = found[1] if found and (CONF / f"experiment/{found[1]}.yaml").is_file() else "NAME"
    groups = sorted(path for path in CONF.iterdir() if path.is_dir() and path.name != "hydra")
    named = [(path.stem, _sentence(path)) for path in _options(CONF / "experiment")]
    choices = [
        (group.name, " ".join(path.stem for path in _options(group)))
        for group in groups
        if group.name != "experiment"
    ]
    parts = (
        ("Type first", [(command.format(usual=usual), said) for command, said in FIRST]),
        ("Experiments (experiment=NAME)", named),
        ("Other choices (optimizer=adam)", choices),
        ("Common settings", COMMON),
        ("Further", FURTHER),
    )
    lines = ["Train a study: choose an experiment, and change what you like of it."]
    for title, rows in parts:
        lines += ["", title, *_table(rows)]
    return "\n".join(lines).replace("$", "$$")


def comment(file: Path) -> str:
    """What the opening lines of a file in `conf` say, as one paragraph, without commands."""
    lines = []
    for line in file.read_text(encoding="utf-8").splitlines():
        if not line.startswith("#") or line.startswith("#   "):
            break
        if not line.startswith(("# @", "# yaml-language-server:")):
            lines.append(line.lstrip("# "))
    return " ".join(lines).rstrip(":")


def _sentence(file: Path) -> str:
    """The beginning of a file's opening comment."""
    return re.split(r"[.;](?:\s|$)", comment(file), maxsplit=1)[0]


def _options(group: Path) -> list[Path]:
    return sorted(group.glob("*.yaml"))


def _table(rows: Iterable[tuple[str, str]]) -> Iterator[str]:
    """Two columns; what is long goes on below."""
    rows = [*rows]
    width = max((len(name) for name, _ in rows), default=0)
    for name, said in rows:
        begin = f"  {name:{width}}  "
        yield fill(said, WIDTH, initial_indent=begin, subsequent_indent=" " * len(begin))
