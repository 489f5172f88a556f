"""Estimate how long a training will take by timing small parts of it."""

import pandas as pd
import torch

from sirna.config.config import Config
from sirna.features.fold import FoldTask
from sirna.stages.training_jobs import families_of
from sirna.table.splits import Split


def tasks_of(rows: pd.DataFrame, split: Split, config: Config) -> list[FoldTask]:
    """Return a task for each fold and, if the run trains again on all rows, one for all rows.

    Raises
    ------
    SirnaError
        If a family needs more memory for one of them than there is.
    """
    whole = [split.whole] * config.train.refit
    tasks = [FoldTask(rows, split, fold, config) for fold in [*split.folds, *whole]]
    largest = max(tasks, key=lambda task: len(task.training))
    for family in families_of(largest):
        family.check_memory(largest)
    return tasks


def seconds_by_family(tasks: list[FoldTask], device: torch.device) -> dict[str, float]:
    """Estimate the seconds of fitting each family, by its title.

    A family is timed on the first fold and on all rows; the other folds take as long as the first.
    """
    seconds: dict[str, float] = {}
    timed: dict[tuple[str, bool], float] = {}
    for task in tasks:
        for family in families_of(task):
            key = family.family, not len(task.held_out)
            if key not in timed:
                timed[key] = family.seconds(task, device) * family.count(task.config)
            seconds[family.title] = seconds.get(family.title, 0.0) + timed[key]
    return seconds
