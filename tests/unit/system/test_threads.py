import threading
import time

import pytest
import torch

from sirna.system import threads
from sirna.system.threads import in_threads, one_thread


def test_one_thread_computes_within_the_context_and_as_many_as_before_after_it():
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        with one_thread():
            assert torch.get_num_threads() == 1
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)


@pytest.mark.parametrize("cores", [1, 2, 7])
@pytest.mark.parametrize("count", [0, 1, 2, 20])
def test_results_come_in_the_order_of_the_items(cores, count, monkeypatch):
    monkeypatch.setattr(threads, "free_cores", lambda: cores)

    def work(number):
        time.sleep(0.001 * (number % 3))
        return number**2

    assert list(in_threads(work, range(count))) == [number**2 for number in range(count)]


@pytest.mark.parametrize("cores", [1, 2, 7])
def test_only_a_few_results_are_computed_ahead(cores, monkeypatch):
    monkeypatch.setattr(threads, "free_cores", lambda: cores)
    begun = []
    results = in_threads(begun.append, range(100))
    next(results)
    time.sleep(0.05)
    assert len(begun) <= 1 + cores
    assert len(list(results)) == 99


def test_work_is_done_at_the_same_time(monkeypatch):
    monkeypatch.setattr(threads, "free_cores", lambda: 3)
    all_here = threading.Barrier(3, timeout=30)
    assert len(list(in_threads(lambda _: all_here.wait(), range(3)))) == 3


@pytest.mark.parametrize("cores", [1, 2])
def test_an_error_of_the_work_is_raised(cores, monkeypatch):
    monkeypatch.setattr(threads, "free_cores", lambda: cores)

    def work(number):
        if number == 3:
            raise LookupError("three")
        return number

    results = in_threads(work, range(10))
    assert [next(results), next(results), next(results)] == [0, 1, 2]
    with pytest.raises(LookupError, match="three"):
        next(results)
