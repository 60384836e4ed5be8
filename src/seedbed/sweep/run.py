"""A sweep from its plan to its answer: whatever has no result yet is trained.

The same call starts a sweep, goes on with one that was interrupted, and adds to one that has
finished. What a search proposes next follows from the results so far, so a job is chosen only
when there is a worker for it.
"""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import fmean
from typing import TYPE_CHECKING, Any

from seedbed.errors import SeedbedError, SettingError, SweepError
from seedbed.files import place_csv
from seedbed.processes.signals import INTERRUPTED, exit_on_signals
from seedbed.record.directory import RunDirectory, typed
from seedbed.report.settings import FOLDS
from seedbed.sweep.best import remove_best, write_best
from seedbed.sweep.board import Board
from seedbed.sweep.configs import Compose, Configs
from seedbed.sweep.jobs import Pool, pool_of
from seedbed.sweep.ledger import Job, Ledger, Result
from seedbed.sweep.plan import Plan
from seedbed.sweep.race import Race, mark
from seedbed.sweep.space import Point, each_value, grid, overrides_of
from seedbed.terminal import log

if TYPE_CHECKING:
    from seedbed.record.run import Run
    from seedbed.report.comparison import Comparison

OF_ONE_START = ("hydra.sweeper.fresh=", "hydra.sweep.dir=")
"""Arguments that `seedbed resume` does not repeat."""


def run(
    plan: Plan,
    folder: Path,
    compose: Compose,
    *,
    command: list[str],
    cluster: Mapping[str, Any] | None = None,
) -> None:
    """Sweep in a folder, and report.

    Args:
        plan: What to try.
        folder: The sweep's directory.
        compose: Makes a job's configuration.
        command: The command line's arguments, kept for `seedbed resume`.
        cluster: For jobs on a cluster, what `hydra/launcher=slurm` says.

    Raises:
        SettingError: If any point's settings are wrong; nothing has run then.
        RunError: If the directory is in use, or another sweep's.
        SweepError: If jobs failed; the others are done, unless `fail_fast` is set.
        SystemExit: If it was interrupted, with the shell's status for that.
    """
    settings = plan.settings
    if settings.algorithm != "grid" and not plan.space:
        raise SettingError(
            f"algorithm={settings.algorithm}: nothing varies, so there is nothing to search; give "
            "a setting several values or an interval, as optimizer.lr=interval(0.001,0.1)."
        )
    points = grid(plan.space) if settings.algorithm == "grid" else []
    ledger = Ledger(folder)
    begun = ledger.record_file.exists()
    configs = Configs(plan, compose, elsewhere=cluster is not None, begun=begun)
    values = list(each_value(plan.space))
    configs.check(values)  # few, in which any misspelt value shows
    configs.check([point for point in points if point not in values])
    settled = [configs.of(point) for point in points or values]
    first = settled[0]
    if (settings.algorithm != "grid" or settings.races) and not first["monitor"]:
        chosen = "seeds=race" if settings.races else f"algorithm={settings.algorithm}"
        raise SettingError(
            f"{chosen}: needs a metric to go by; set monitor=NAME, one that the module logs, and "
            "mode=min or mode=max."
        )
    pool = pool_of(settings.workers, settled, folder, cluster)
    lasting = [argument for argument in command if not argument.startswith(OF_ONE_START)]
    with ledger.claimed():
        ledger.open(plan.identity, lasting, fresh=settings.fresh)
        if settings.algorithm == "grid":
            ledger.note(points)
            total = sum(map(configs.folds, points))
        else:
            points = ledger.points()
            total = settings.trials * configs.folds(values[0])
        for point in points:
            configs.check_unchanged(ledger.job(point))
        board = Board(
            total=total * settings.first_seeds,
            workers=pool.size,
            metric=first["monitor"],
            mode=first["mode"],
        )
        sweep = Sweep(plan, points, ledger, configs, board, seed=first["seed"])
        sweep.train(pool)
        report(sweep)
    sweep.complain()


def report(sweep: "Sweep") -> None:
    """Show the results of a sweep, and of its best on the test part."""
    from seedbed.record.run import find_runs
    from seedbed.report.comparison import compare_each
    from seedbed.report.page import best_again
    from seedbed.report.tables import print_tables
    from seedbed.report.write import write_reports
    from seedbed.runs.view import open_view

    folder = sweep.ledger.folder
    if not sweep.board.metric:
        command = typed("compare", str(folder), "--metric", "NAME")
        log.info(f"no monitor ranks these jobs; {command} does")
        return
    jobs = sweep.ledger.jobs()

    def compared() -> "list[Comparison]":
        return compare_each([run for run in find_runs([folder]) if run.path in jobs])

    if sweep.race:
        sweep.race.note(sweep.ledger)
    else:
        mark(sweep.ledger, {})
    if not sweep.is_over:
        for comparison in compared():
            _open_test(comparison.chosen)
        sweep.ledger.note_openings()
    comparisons = compared()
    print_tables(comparisons)
    remove_best(folder)
    best = comparisons[0].best if len(comparisons) == 1 else None
    if best:
        job = jobs[best.path]
        title = f"{folder.name}, its best: {job.label}"
        write_best(sweep.configs.composed(job), folder, title)
    for page in write_reports(comparisons, folder, view=open_view):
        log.info(f"\nreport: {page}")
    if best:
        log.info(f"best:   {best_again(folder)}")
        _write_out_of_fold(comparisons[0], folder)


def _open_test(chosen: "Sequence[Run]") -> None:
    """Measure the chosen runs on the test part, which no job has seen; each once.

    That of folds stays sealed: they are for what is made of all of their rows.
    """
    from seedbed.runs.evaluate import evaluate

    for run in chosen:
        if run.openings or run.config.get(FOLDS):
            continue
        try:
            evaluate(run.path, split="test", by="sweep")
        except SeedbedError as error:  # as of data without one
            log.info(f"not tested: {error}")
            return


def _write_out_of_fold(comparison: "Comparison", folder: Path) -> None:
    """Write what the best settings' nets predict of the rows that they were not trained on."""
    from seedbed.runs.predict import out_of_fold

    file = folder / "out_of_fold.csv"
    file.unlink(missing_ok=True)
    if rows := out_of_fold([run.path for run in comparison.chosen if run.config.get(FOLDS)]):
        place_csv(file, rows)
        log.info(f"out of fold: {file}")


@dataclass
class Sweep:
    """A sweep under way."""

    plan: Plan
    points: list[Point]
    """All of a grid; of a search, those that it has proposed."""
    ledger: Ledger
    configs: Configs
    board: Board
    seed: int
    """The search's."""
    failed: list[Job] = field(default_factory=list)
    race: Race | None = None
    _begun: dict[Path, Job] = field(default_factory=dict)
    _ended: set[Path] = field(default_factory=set)

    def train(self, pool: Pool) -> None:
        """Run every job that has no result."""
        self.board.say(f"sweep: {self.ledger.folder}")
        missing = self._missing()
        with self.board.shown(), self._stopped_gently(pool):
            while True:
                while pool.free and not self.is_over and (job := next(missing, None)):
                    self._prepare(job)
                    self.board.began(job)
                    pool.start(job.run.path)
                if not pool.running:
                    break
                ended = pool.wait()
                self._note(self._begun[ended.path], ended.error)
                if self.is_over:
                    break

    def complain(self) -> None:
        """Say that jobs failed; each was reported at once, and is listed below the ranking.

        Raises:
            SweepError: If anything did.
        """
        if self.failed:
            raise SweepError(
                f"{len(self.failed)} of {self.board.total} jobs failed. To try again what has no "
                f"result: {self.ledger.resume_command}"
            )

    @property
    def is_over(self) -> bool:
        """Whether it ended at the first job that failed."""
        return self.plan.settings.fail_fast and bool(self.failed)

    def _missing(self) -> Iterator[Job | None]:
        """Jobs without a result, each once; None where one must end before the next is known."""
        first = self.plan.settings.first_seeds
        for point in self._each_point():
            yield from self._lacking(point, range(first * self.configs.folds(point)))
        if self.plan.settings.races:
            yield from self._race(first)

    def _lacking(self, point: Point, repeats: Iterable[int]) -> Iterator[Job]:
        """Those of a point; jobs that are done go to the board."""
        for repeat in repeats:
            job = self.ledger.job(point, repeat)
            result = job.result(self.board.metric)
            if result.done:
                self.board.found(job, result)
            elif job.run.path not in self._begun:
                yield job

    def _race(self, first: int) -> Iterator[Job | None]:
        """One more seed for those points that may still win, again and again."""
        most, left = self.plan.settings.max_seeds, [*self.points]
        self.race = race = Race(most)
        for seeds in range(first, most + 1):
            while self._begun.keys() - self._ended:
                yield None
            left = race.go_on(left, [self._values(point, seeds) for point in left])
            if len(left) < 2 or seeds == most:
                return
            self.board.total += len(left)
            for point in left:
                yield from self._lacking(point, [seeds])

    def _values(self, point: Point, seeds: int) -> list[float]:
        """The result of a point's seeds, less being better; NaN of one that has no result."""
        sign = 1 if self.board.mode == "min" else -1
        results = [self.ledger.job(point, r).result(self.board.metric) for r in range(seeds)]
        return [math.nan if each.value is None else sign * each.value for each in results]

    def _each_point(self) -> Iterator[Point]:
        """The points, one after the other; a search proposes one when it is asked for."""
        algorithm, trials = self.plan.settings.algorithm, self.plan.settings.trials
        if algorithm == "grid":
            yield from self.points
            return
        from seedbed.sweep.search import propose

        yield from self.points[:trials]
        while len(self.points) < trials:
            point = propose(
                self.plan.space,
                [(point, self._result(point)) for point in self.points],
                algorithm=algorithm,
                seed=self.seed,
                mode=self.board.mode,
            )
            if point in self.points:
                self.board.say(
                    f"trial {len(self.points) + 1} is {', '.join(overrides_of(point))} again: "
                    "it is not trained twice"
                )
            self.points.append(point)
            self.ledger.note(self.points)
            yield point

    def _result(self, point: Point) -> Result:
        """The result of a point so far, over its seeds."""
        count = self.plan.settings.first_seeds * self.configs.folds(point)
        jobs = [self.ledger.job(point, repeat) for repeat in range(count)]
        results = [job.result(self.board.metric) for job in jobs]
        values = [result.value for result in results if result.value is not None]
        if any(result.state == "failed" for result in results) or not all(
            map(math.isfinite, values)
        ):
            return Result("failed")
        if len(values) < len(jobs):
            return Result("running")
        if pruned := [result.step for result in results if result.state == "pruned"]:
            return Result("pruned", fmean(values), min(pruned))
        return Result("finished", fmean(values))

    def _prepare(self, job: Job) -> None:
        """Make a job's run, unless it has begun before."""
        self._begun[job.run.path] = job
        if not job.run.config_file.exists():
            RunDirectory.create(job.run.path, self.configs.of(job.point, job.repeat))
        elif job.run.status().get("state") == "failed":  # it is not known yet how it ends this time
            job.run.set_status("interrupted", error="")
        elif not job.run.status():  # a sweep killed at just that moment may have left half a file
            job.run.set_config(self.configs.of(job.point, job.repeat))

    def _note(self, job: Job, error: str) -> None:
        """Read how a job ended; what has no result has failed."""
        self._ended.add(job.run.path)
        result = job.result(self.board.metric)
        if not result.done:
            if result.state != "failed":
                job.run.set_status("failed", error=error or "it ended without a result")
                result = job.result(self.board.metric)
            self.failed.append(job)
        self.board.ended(job, result)

    @contextmanager
    def _stopped_gently(self, pool: Pool) -> Iterator[None]:
        """Leave nothing running; on Ctrl-C, SIGTERM or SIGHUP, say how to go on."""
        with exit_on_signals():
            try:
                try:
                    yield
                finally:
                    pool.stop()
            except (KeyboardInterrupt, SystemExit) as stop:
                self.board.say(f"\nInterrupted. To go on: {self.ledger.resume_command}")
                status = stop.code if isinstance(stop, SystemExit) else INTERRUPTED
                raise SystemExit(status) from None
