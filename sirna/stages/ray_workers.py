"""Workers on the machines of a Ray cluster; each loads the bundle once."""

import importlib
import logging
from collections.abc import Iterator, Sequence
from typing import Any

from sirna import __version__
from sirna.errors import SirnaError, UsageError, reason
from sirna.stages.part_workers import Failure, PartResult, Task, Worker
from sirna.stages.predictor import SubmitRequest

RESTARTS = 3
"""How often a worker that was killed is started again."""


def results_of_ray(request: SubmitRequest, tasks: Sequence[Task]) -> Iterator[PartResult | Failure]:
    """Write parts with workers of Ray, and yield the result of each as soon as it has ended.

    Parameters
    ----------
    request : SubmitRequest
        With absolute paths, which every machine of the cluster must be able to read.
    tasks : sequence of Task

    Raises
    ------
    UsageError
        If Ray is not installed, or the cluster has no place for a worker.
    SirnaError
        If the cluster cannot be reached.
    """
    try:
        ray: Any = importlib.import_module("ray")
    except ImportError:
        raise UsageError("--engine ray needs Ray: pip install 'sirna[ray]'.") from None
    _connect(ray, request)
    try:
        cards = int(request.device.startswith("cuda"))
        most = _places(ray, request.device, "GPU" if cards else "CPU")
        count = min(request.workers or most, most, len(tasks))
        start = ray.remote(num_cpus=1, num_gpus=cards, max_restarts=RESTARTS)(Worker)
        idle = [start.remote(request, __version__) for _ in range(count)]
        left, running = list(reversed(tasks)), dict[Any, tuple[Any, Task]]()
        while left or running:
            while left and idle:
                worker, task = idle.pop(), left.pop()
                running[worker.write.remote(task)] = worker, task
            (ended,), _ = ray.wait(list(running), num_returns=1)
            worker, task = running.pop(ended)
            idle.append(worker)
            try:
                yield ray.get(ended)
            except ray.exceptions.RayError as error:
                yield Failure(task.source, f"its worker ended: {reason(error)}")
    finally:
        ray.shutdown()


def _places(ray: Any, device: str, kind: str) -> int:
    """Return how many workers the cluster has room for."""
    places = int(ray.cluster_resources().get(kind, 0))
    if not places:
        raise UsageError(f"--device {device}: the cluster has no {kind} for a worker.")
    return places


def _connect(ray: Any, request: SubmitRequest) -> None:
    """Join a cluster, or start one on this machine."""
    quiet = {"logging_level": logging.ERROR, "log_to_driver": False}
    try:
        if request.address:
            ray.init(address=request.address, **quiet)
        else:
            ray.init(address="local", num_cpus=request.workers, include_dashboard=False, **quiet)
    except (ConnectionError, ValueError, RuntimeError, OSError) as error:
        where = f"--address {request.address}" if request.address else "--engine ray"
        raise SirnaError(f"{where}: Ray cannot be started: {reason(error)}") from error
