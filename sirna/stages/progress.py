"""Bars with the time left: one over all folds and members of a training, one over rows."""

import contextlib
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from tqdm import tqdm

from sirna.stages.console import Console, duration, narrow

Job = tuple[int, str, int]
"""One fit: the fold, the family, and the member's index in its family."""
LEAST_SHARE = 0.02
"""From this share of a job on, its own speed says how long the rest takes."""


@dataclass
class _Running:
    """A job that runs: since when, which share is done, and which share was done before."""

    began: float
    share: float = 0.0
    share_at_start: float = 0.0


class Progress:
    """The jobs of a training: which have ended, and how long the others will take.

    The time left is estimated from rough seconds; they are scaled by the speed of the jobs that
    have ended, those of the same kind first.

    Parameters
    ----------
    jobs : mapping of Job to (str, float)
        The kind of each job, and roughly how many seconds it takes.
    at_once : int
        How many jobs run at the same time.
    """

    def __init__(self, jobs: Mapping[Job, tuple[str, float]], at_once: int = 1) -> None:
        self.total = sum(seconds for _, seconds in jobs.values())
        self._jobs = dict(jobs)
        self._at_once = at_once
        self._ended: set[Job] = set()
        self._speeds: list[tuple[str, float, float]] = []
        self._running: dict[Job, _Running] = {}

    @property
    def done(self) -> float:
        """The rough seconds of everything that is done."""
        done = sum(self._jobs[job][1] for job in self._ended)
        return done + sum(one.share * self._jobs[job][1] for job, one in self._running.items())

    def begin(self, job: Job, share: float = 0.0) -> None:
        """Start a job, of which a share is done already."""
        began = self._running[job].began if job in self._running else time.perf_counter()
        self._running[job] = _Running(began, share, share)

    def advance(self, job: Job, share: float) -> None:
        """Record which share of a running job is done."""
        self._running[job].share = min(share, 1.0)

    def end(self, job: Job) -> None:
        """End a job, whether it was done now or before an interruption."""
        running = self._running.pop(job, None)
        if running is not None:
            running.share = 1.0
            self._speeds.append(self._speed(job, running))
        self._ended.add(job)

    def seconds_left(self) -> float | None:
        """Estimate the time left; None before the first job has shown its speed."""
        speeds = list(self._speeds)
        speeds += [
            self._speed(job, one)
            for job, one in self._running.items()
            if one.share - one.share_at_start >= LEAST_SHARE
        ]
        if not speeds:
            return None
        left = [
            (1.0 - self._running[job].share if job in self._running else 1.0)
            * (seconds * _factor(speeds, kind))
            for job, (kind, seconds) in self._jobs.items()
            if job not in self._ended
        ]
        return max(sum(left) / self._at_once, max(left, default=0.0))

    def _speed(self, job: Job, running: _Running) -> tuple[str, float, float]:
        """Return the kind of a job, the seconds it took so far, and its rough seconds."""
        kind, seconds = self._jobs[job]
        done = (running.share - running.share_at_start) * seconds
        return kind, time.perf_counter() - running.began, done


class TrainingDisplay:
    """Shows one training: a bar that is redrawn on a wide terminal, plain lines elsewhere.

    Parameters
    ----------
    jobs : mapping of Job to (str, float)
        See `Progress`.
    console : Console, optional
        Prints the lines.
    at_once : int
        How many jobs run at the same time.
    """

    def __init__(
        self,
        jobs: Mapping[Job, tuple[str, float]],
        console: Console | None = None,
        at_once: int = 1,
    ) -> None:
        self._console = console or Console()
        self._progress = Progress(jobs, at_once)
        self._short = ""
        # disable=None: silent where stderr is not a terminal
        off = True if self._console.quiet or narrow() else None
        self._bar = tqdm(
            total=self._progress.total,
            bar_format="{percentage:3.0f}%|{bar}| {elapsed}{postfix}",
            miniters=0,  # look at the clock at each step: jobs go at different speeds
            disable=off,
        )

    def begin(self, job: Job, share: float = 0.0) -> None:
        """Start a job, of which a share is done already."""
        self._progress.begin(job, share)
        self._draw()

    def advance(self, job: Job, share: float) -> None:
        """Show which share of a running job is done."""
        self._progress.advance(job, share)
        self._draw()

    def end(self, job: Job) -> None:
        """End a job, whether it was done now or before an interruption."""
        self._progress.end(job)
        self._short = ""
        self._draw()

    def report(self, line: str, short: str) -> None:
        """Show an intermediate result: as a whole line, or short at the end of the bar."""
        if self._bar.disable or not self._console.lines_on_terminal:
            self._console.line(line)
        else:
            self._console.record(line)
        self._short = short
        self._draw()
        self._bar.refresh()

    def time_left(self) -> str:
        """Return the time left in words; empty while it is unknown, and when all is done."""
        left = self._progress.seconds_left()
        return duration(left) if left else ""

    def close(self) -> None:
        """End the bar."""
        self._bar.close()

    def _draw(self) -> None:
        if self._bar.disable:
            return
        left = self.time_left()
        shown = [f"{left} left"] * bool(left) + [self._short] * bool(self._short)
        self._bar.set_postfix_str(", ".join(shown), refresh=False)
        self._bar.update(self._progress.done - self._bar.n)


@contextlib.contextmanager
def rows_bar(rows: int, done: int, console: Console) -> Iterator[Callable[[int], object]]:
    """Show a bar with rows/s and the time left on a terminal; yield the function that advances it.

    Parameters
    ----------
    rows, done : int
        All rows, and those that an earlier process has done.
    console : Console
    """
    off = True if console.quiet or narrow() else None
    bar = tqdm(total=rows, initial=done, unit="row", unit_scale=True, disable=off, leave=False)
    with bar:
        yield bar.update


def _factor(speeds: list[tuple[str, float, float]], kind: str) -> float:
    """Return how much longer than roughly expected jobs of this kind took, or else all jobs."""
    same = [speed for speed in speeds if speed[0] == kind] or speeds
    expected = sum(rough for _, _, rough in same)
    return sum(taken for _, taken, _ in same) / expected if expected else 1.0
