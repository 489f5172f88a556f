"""`sirna train --check`: everything up to the first steps of a training, and its estimated time."""

from sirna.members.registry import check_families, config_for_table
from sirna.runs.run import new_run
from sirna.stages.console import Console, duration
from sirna.stages.run_description import describe_fold, describe_run
from sirna.stages.time_estimate import seconds_by_family, tasks_of
from sirna.stages.train_request import TrainRequest
from sirna.stages.training_data import open_training, split_of
from sirna.system.device import choose_device
from sirna.system.threads import one_thread


def check_training(request: TrainRequest, console: Console) -> None:
    """Do everything up to the first steps of training, write nothing, and estimate the time.

    The seconds of each family are also printed as JSON, if the console does that.
    """
    config = request.config
    check_families(config)
    device = choose_device(request.device)
    new_run(request.run, config.split.protocol)
    source = open_training(request.table, config, console)
    split = split_of(source, config, request.splits, console)
    config = config_for_table(config, source.table.rows)
    tasks = tasks_of(source.table.rows, split, config)
    describe_run(source.table.rows, config, tasks, console)
    describe_fold(tasks[0], console)
    with one_thread():
        times = seconds_by_family(tasks, device)
    listed = ", ".join(f"{duration(seconds)} for the {name}" for name, seconds in times.items())
    folds = f"{len(split.folds)} fold{'s' * (len(split.folds) > 1)}"
    console.result(
        f"check: ok; {folds}{' and all rows' * config.train.refit} on {device}: {listed}"
    )
    console.next("the same command without --check")
    console.json({"data": source.name, "rows": len(source.table), "seconds": times})
