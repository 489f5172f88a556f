"""Bars with the time left: one over all folds and members of a training, one over rows."""

import contextlib
import time
from collections.abc import Callable, Iterator, Mapping

from tqdm import tqdm

from sirna.stages.console import Console, duration, narrow

Job = tuple[int, str, int]
"""One fit: the fold, the family, and the member's index in its family."""
LEAST_SHARE = 0.02
"""From this share of a job on, its own speed says how long the rest takes."""


class Progress:
    """The jobs of a training: which have ended, and how long the others will take.

    The time left is estimated from rough seconds; they are scaled by the speed of the jobs that
    have ended, those of the same kind first.

    Parameters
    ----------
    jobs : mapping of Job to (str, float)
        The kind of each job, and roughly how many seconds it takes.
    """

    def __init__(self, jobs: Mapping[Job, tuple[str, float]]) -> None:
        self.total = sum(seconds for _, seconds in jobs.values())
        self._jobs = dict(jobs)
        self._ended: set[Job] = set()
        self._speeds: list[tuple[str, float, float]] = []
        self._current: Job | None = None
        self._began, self._share, self._share_at_start = 0.0, 0.0, 0.0

    @property
    def done(self) -> float:
        """The rough seconds of everything that is done."""
        done = sum(self._jobs[job][1] for job in self._ended)
        if self._current is not None:
            done += self._share * self._jobs[self._current][1]
        return done

    def begin(self, job: Job, share: float = 0.0) -> None:
        """Start a job, of which a share is done already."""
        if job != self._current:
            self._current, self._began = job, time.perf_counter()
        self._share = self._share_at_start = share

    def advance(self, share: float) -> None:
        """Record which share of the current job is done."""
        self._share = min(share, 1.0)

    def end(self, job: Job) -> None:
        """End a job, whether it was done now or before an interruption."""
        if job == self._current:
            self._share = 1.0
            self._speeds.append(self._speed(job))
            self._current = None
        self._ended.add(job)

    def seconds_left(self) -> float | None:
        """Estimate the time left; None before the first job has shown its speed."""
        speeds = list(self._speeds)
        if self._current is not None and self._share - self._share_at_start >= LEAST_SHARE:
            speeds.append(self._speed(self._current))
        if not speeds:
            return None
        left = 0.0
        for job, (kind, seconds) in self._jobs.items():
            if job not in self._ended:
                rest = 1.0 - self._share if job == self._current else 1.0
                left += rest * seconds * _factor(speeds, kind)
        return left

    def _speed(self, job: Job) -> tuple[str, float, float]:
        """Return the kind of the current job, the seconds it took, and its rough seconds."""
        kind, seconds = self._jobs[job]
        done = (self._share - self._share_at_start) * seconds
        return kind, time.perf_counter() - self._began, done


class TrainingDisplay:
    """Shows one training: a bar that is redrawn on a wide terminal, plain lines elsewhere.

    Parameters
    ----------
    jobs : mapping of Job to (str, float)
        See `Progress`.
    console : Console, optional
        Prints the lines.
    """

    def __init__(
        self, jobs: Mapping[Job, tuple[str, float]], console: Console | None = None
    ) -> None:
        self._console = console or Console()
        self._progress = Progress(jobs)
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

    def advance(self, share: float) -> None:
        """Show which share of the current job is done."""
        self._progress.advance(share)
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
