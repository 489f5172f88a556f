"""The number of threads that computations use."""

from collections.abc import Iterator
from contextlib import contextmanager


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
