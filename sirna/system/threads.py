"""Cores, and the number of threads that computations use."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import TypeVar

MOST_THREADS = 16
"""Of `in_threads`; their results need memory."""
Item = TypeVar("Item")
Result = TypeVar("Result")


def free_cores() -> int:
    """Return the number of cores that this process may use; a container may limit them."""
    import joblib  # noqa: PLC0415 - loads slowly

    return max(1, int(joblib.cpu_count()))


@contextmanager
def one_thread() -> Iterator[None]:
    """Compute with one thread while the context lasts: PyTorch, BLAS and OpenMP.

    Sums then do not depend on the number of cores, and workers do not take each other's cores.
    """
    import scipy.linalg  # noqa: F401, PLC0415 - a library that is loaded later has no limit
    import sklearn.utils  # noqa: F401, PLC0415
    import torch  # noqa: PLC0415 - loads slowly
    from threadpoolctl import threadpool_limits  # noqa: PLC0415

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with threadpool_limits(1):
            yield
    finally:
        torch.set_num_threads(before)


def in_threads(work: Callable[[Item], Result], items: Iterable[Item]) -> Iterator[Result]:
    """Yield the results of `work` for each item, computed in as many threads as there are cores.

    Only a few results are computed ahead. This is for products of large matrices and the like: a
    library that uses one thread for each gives the same bits whatever the number of threads here,
    and no thread waits for another one by keeping a core busy.
    """
    threads = min(free_cores(), MOST_THREADS)
    if threads == 1:
        yield from map(work, items)
        return
    with ThreadPoolExecutor(threads) as pool:
        ahead: deque[Future[Result]] = deque()
        for item in items:
            ahead.append(pool.submit(work, item))
            if len(ahead) > threads:
                yield ahead.popleft().result()
        while ahead:
            yield ahead.popleft().result()
