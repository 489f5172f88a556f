"""The fits of a training: which there are, in what order workers take them, and how many workers.

Of several fits the longest comes first (Graham 1969), so that the short ones fill the end. One on
all rows waits for those on the folds that it needs.
"""

from collections.abc import Collection, Sequence

import torch

from sirna.features.fold import FoldTask
from sirna.members.base import Member
from sirna.members.registry import families_for
from sirna.runs.run import Run
from sirna.stages.member_training import MemberFit
from sirna.stages.progress import Job
from sirna.system.memory import available_memory
from sirna.system.threads import free_cores

WORKER_BYTES = 0.6e9
"""Memory of a worker besides what its fit needs: the libraries and the training table."""
LEAST_SECONDS = 60.0
"""A training that takes less by a rough estimate is done in one process."""


def families_of(task: FoldTask) -> list[type[Member]]:
    """Return the families that are fitted for a task, in order.

    Families that predict only rows of unseen targets are fitted if the bundle will hold the members
    of this task, and if the bundle can recognise such rows.
    """
    families = families_for(task.config, unseen=False)
    kept = task.fold == task.split.whole or not task.config.train.refit
    if kept and task.targets is not None:
        families += [one for one in families_for(task.config, unseen=True) if one not in families]
    return families


def fits_of(run: Run, tasks: Sequence[FoldTask]) -> list[MemberFit]:
    """Return all fits of a training, task by task and family by family."""
    return [
        MemberFit(run, task, family, index)
        for task in tasks
        for family in families_of(task)
        for index in range(family.count(task.config))
    ]


def choose_workers(wanted: int | None, fits: Collection[MemberFit], device: torch.device) -> int:
    """Return how many processes fit the members; with one, it is the current process.

    Parameters
    ----------
    wanted : int, optional
        What the user asked for. Default: as many as there are cores, if the training is long enough
        and if each has the memory that the largest fit needs.
    fits : collection of MemberFit
        Those that are not finished.
    device : torch.device
        A CUDA device is used by one process only.
    """
    at_once, on_all_rows = len(fits), sum(fit.on_all_rows for fit in fits)
    if any(fit.task.config.mixture.learn for fit in fits):
        # the folds decide which families are fitted on all rows
        at_once = max(on_all_rows, at_once - on_all_rows)
    if device.type != "cpu" or at_once < 2:
        return 1
    if wanted is not None:
        return min(wanted, at_once)
    if sum(fit.rough_seconds for fit in fits) < LEAST_SECONDS:
        return 1
    workers = min(free_cores(), at_once)
    largest, free = max(fit.memory for fit in fits), available_memory()
    while workers > 1 and largest + workers * WORKER_BYTES > free:
        workers -= 1
    return workers


class Plan:
    """The fits that wait for a worker, and which of them comes next.

    Parameters
    ----------
    memory : float
        Bytes that all running fits may need together.
    """

    def __init__(self, memory: float = float("inf")) -> None:
        self._memory = memory
        self._waiting: list[MemberFit] = []
        self._open: set[Job] = set()

    def add(self, fits: Collection[MemberFit]) -> None:
        """Add fits."""
        self._waiting += fits
        self._open |= {fit.job for fit in fits}

    def is_open(self, job: Job) -> bool:
        """Return whether a fit waits or runs."""
        return job in self._open

    def ended(self, fit: MemberFit) -> None:
        """Note that a fit is complete."""
        self._open.discard(fit.job)

    def take(self, running: Collection[MemberFit]) -> MemberFit | None:
        """Take the fit that comes next out of those that wait; None if none can start now.

        Parameters
        ----------
        running : collection of MemberFit
            A fit starts beside them only if the memory suffices for all.
        """
        used = sum(fit.memory for fit in running)
        able = [
            fit
            for fit in self._waiting
            if self._is_ready(fit, running) and (not running or used + fit.memory <= self._memory)
        ]
        if not able:
            return None
        first = max(able, key=lambda fit: (fit.rough_seconds, not fit.on_all_rows))
        self._waiting.remove(first)
        return first

    def _is_ready(self, fit: MemberFit, running: Collection[MemberFit]) -> bool:
        """Return whether a fit would not wait for others, or only at its end for running ones."""
        others = self._waiting if fit.family.runs_ahead else [*self._waiting, *running]
        return not fit.needs_folds or not any(
            other.job[1] == fit.job[1] and not other.on_all_rows for other in others
        )
