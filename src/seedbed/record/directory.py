"""A run's directory: where each thing lies, and who may work in it.

    config.yaml        the resolved configuration, all that is needed to do the run again
    provenance.json    where it came from: command, commit, versions, hardware, data, seed; and
                       each later start of it, each opening of the test part
    status.json        running, finished, failed or interrupted; by which process; since when
    checkpoints/       best.ckpt and last.ckpt
    metrics.json       the best checkpoint's train/…, val/… and test/… metrics
    confusion.csv      of a classifier's test: rows by true and predicted class
    test_rows.csv      the figures of each test example, up to 20,000
    predictions.csv    of a regression's test on one input: input, target and prediction
    robustness.csv     of `callbacks=robustness`: a classifier's accuracy on disturbed inputs
    metrics.csv        every metric logged, a row each validation
    batches.csv        loss and learning rate of one in so many training batches
    layers.csv         of each layer: gradient, update, activation, at some of the validations
    classes.csv        of a classifier: the validation's rows by true and predicted class
    doctor.json        what the training doctor found in them
    tensorboard/       the same, as curves
    samples.jsonl      of a language model: the texts it wrote, by step
    train.log          what the terminal showed
    report.html        all of it to look at
    stderr.txt         what else a sweep's worker said, if anything

A run is claimed by a lock that the operating system drops with its process, however that ends.
"""

import json
import math
import os
import shlex
import shutil
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import yaml
from filelock import FileLock, Timeout

from seedbed.errors import DamagedError, RunError
from seedbed.files import place_text, refuse_links_out, writing
from seedbed.record.checkpoint import BEST, FOLDER, LAST
from seedbed.record.files import read_metrics, read_provenance, read_status, read_yaml
from seedbed.record.schema import KEY, VERSION, current
from seedbed.record.state import LOCK, state_of

SEEDBED = (sys.executable, "-P", "-m", "seedbed")
"""The `seedbed` command, taking no module from the folder where it is started."""


def typed(*words: str, program: str = "seedbed", module: str = "seedbed") -> str:
    """A `seedbed` command as a user types it, in any folder, even one that holds modules.

    Args:
        words: What follows the program's name.
        program: Another one beside this Python, such as `tensorboard`.
        module: The module that it runs, where it cannot be typed by its name alone.
    """
    script = Path(shutil.which(program) or "")
    is_ours = script.parent == Path(sys.executable).parent
    return shlex.join([*([program] if is_ours else [*SEEDBED[:3], module]), *words])


class RunDirectory:
    """The files of one run, by name.

    Args:
        path: The directory.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.config_file = path / "config.yaml"
        self.provenance_file = path / "provenance.json"
        self.status_file = path / "status.json"
        self.metrics_file = path / "metrics.json"
        self.log_file = path / "train.log"
        self.checkpoints = path / FOLDER
        self.best = self.checkpoints / BEST
        self.last = self.checkpoints / LAST

    @classmethod
    def create(cls, path: str | Path, config: dict[str, Any]) -> "RunDirectory":
        """Make a new run from a resolved configuration of plain types.

        Raises:
            RunError: If the directory holds a run already, or cannot be made.
        """
        run = cls(Path(path).absolute())
        run._check_name()
        text = _as_yaml(config)
        with writing(run.path):
            run.path.mkdir(parents=True, exist_ok=True)
            try:
                with run.config_file.open("x", encoding="utf-8") as file:
                    file.write(text)  # at once: others may be reading
            except FileExistsError:
                raise RunError(
                    f"{path} already holds a run. Choose another hydra.run.dir, or go on with this "
                    f"one: {run.resume_command}"
                ) from None
        return run

    def config(self) -> dict[str, Any]:
        """The resolved configuration.

        Raises:
            RunError: If there is none, or it cannot be read.
        """
        try:
            return current(read_yaml(self.config_file), self.config_file)
        except FileNotFoundError:
            problem = f"{self.path} is not a run: it has no config.yaml."
            if run := min(self.path.glob(f"*/{self.config_file.name}"), default=None):
                problem += (
                    f" Runs are in it, as {run.parent.name}: "
                    f"{typed('compare', str(self.path))} ranks them."
                )
            raise RunError(problem) from None

    def set_config(self, config: dict[str, Any]) -> None:
        """Replace the configuration."""
        place_text(self.config_file, _as_yaml(config))

    @property
    def resume_command(self) -> str:
        """What to type to go on with it."""
        return typed("resume", str(self.path))

    @property
    def execute_command(self) -> list[str]:
        """What starts a process that executes it."""
        return [*SEEDBED, "execute", str(self.path)]

    @contextmanager
    def claimed(self) -> Iterator[None]:
        """Hold the directory for this process alone.

        Raises:
            RunError: If another process works in it, it cannot be written, or a link leads out.
        """
        refuse_links_out(self.path)
        self._check_name()
        lock = FileLock(self.path / LOCK)
        try:
            lock.acquire(timeout=1)  # `state` holds it for a moment too
        except Timeout:
            owner = self.status()
            raise RunError(
                f"{self.path} is in use by process {owner.get('pid')} on {owner.get('host')}, "
                f"since {owner.get('started')}."
            ) from None
        except OSError as error:
            raise RunError(
                f"{self.path}: cannot be written ({error.strerror}). To go on with the run, copy "
                "it to where you may write."
            ) from None
        try:
            yield
        finally:
            lock.release()

    def _check_name(self) -> None:
        try:
            str(self.path).encode()
        except UnicodeEncodeError:
            raise RunError(
                f"{self.path}: expected a name in UTF-8; TensorBoard writes to no other."
            ) from None

    def status(self) -> dict[str, Any]:
        """What `status.json` says; empty where there is none, or it is damaged."""
        try:
            return read_status(self.path)
        except DamagedError:
            return {}

    def state(self) -> str:
        """Where the run stands: new, running, finished, failed or interrupted."""
        return state_of(self.path, self.status())

    @property
    def begun(self) -> bool:
        """Whether a fit has left a checkpoint to go on from."""
        return self.last.exists() or self.best.exists()

    def metrics(self) -> dict[str, float]:
        """The metrics of the best checkpoint, once the run has finished.

        Raises:
            RunError: If they cannot be read.
        """
        if not self.metrics_file.exists():
            raise RunError(f"{self.metrics_file}: cannot be read (there is none).")
        return read_metrics(self.metrics_file)

    def provenance(self) -> dict[str, Any]:
        """Where the run came from; empty where it was never executed, or that is damaged."""
        try:
            return read_provenance(self.path)
        except DamagedError:
            return {}

    def opened_test(self, checkpoint: str, step: int, *, by: str) -> None:
        """Record that the test part is used to measure a checkpoint; the same again is no more.

        Args:
            checkpoint: Its name.
            step: Where in the fit it is from.
            by: What opened the part: `fit`, `sweep` or `evaluate`.
        """
        record = self.provenance()
        opened = record.get("test_opened", [])
        entry = {"checkpoint": checkpoint, "step": step}
        if not any(entry.items() <= other.items() for other in opened):
            entry |= {"by": by, "time": now()}
            write_json(self.provenance_file, record | {"test_opened": [*opened, entry]})

    def set_status(self, state: str, **more: Any) -> None:
        """Record the state of the run and when it was reached."""
        write_json(self.status_file, self.status() | {"state": state} | more)

    def start(self) -> None:
        """Record that this process runs it, from now."""
        write_json(
            self.status_file,
            {
                "state": "running",
                "pid": os.getpid(),
                "host": socket.gethostname(),
                "started": now(),
            },
        )


def _as_yaml(config: dict[str, Any]) -> str:
    return yaml.safe_dump({KEY: VERSION, **config}, allow_unicode=True, sort_keys=False)


def now() -> str:
    """This moment, in UTC, to the second."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def write_json(path: Path, content: dict[str, Any]) -> None:
    """Place a JSON file whole."""
    place_text(path, as_json(content) + "\n")


def as_json(content: Any) -> str:
    """Plain types as JSON, which has no number that is not finite: each becomes null."""
    try:
        return json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False)
    except ValueError:
        return json.dumps(_finite(content), indent=2, ensure_ascii=False, allow_nan=False)


def _finite(content: Any) -> Any:
    if isinstance(content, dict):
        return {name: _finite(value) for name, value in content.items()}
    if isinstance(content, list | tuple):
        return [*map(_finite, content)]
    return None if isinstance(content, float) and not math.isfinite(content) else content
