"""Worker processes end with their parent, and are waited for."""

import os
import signal
import subprocess
import sys
import time

import pytest

from sirna.system.processes import as_worker, wait_for_workers
from sirna.system.threads import free_cores

PARENT = """
import sys, time
from pathlib import Path
from sirna.system.locks import shared_lock
from sirna.system.processes import WORKERS_LOCK, end_with_parent, start, worker_context

def work(folder, ready):
    end_with_parent()
    with shared_lock(folder / WORKERS_LOCK):
        ready.set()
        while True:
            pass

if __name__ == "__main__":
    context = worker_context([])
    ready = context.Event()
    start(context.Process(target=work, args=(Path(sys.argv[1]), ready), daemon=True))
    ready.wait()
    print("ready", flush=True)
    time.sleep(600)
"""


def test_workers_of_a_killed_parent_end_even_while_they_compute(tmp_path):
    (tmp_path / "parent.py").write_text(PARENT)
    parent = subprocess.Popen(
        [sys.executable, tmp_path / "parent.py", tmp_path], stdout=subprocess.PIPE, text=True
    )
    assert parent.stdout is not None
    assert parent.stdout.readline() == "ready\n"
    parent.kill()
    parent.communicate()
    end = time.monotonic() + 60

    def wait():
        assert time.monotonic() < end
        time.sleep(0.01)

    wait_for_workers(tmp_path, wait)


def test_a_folder_without_workers_is_not_waited_for(tmp_path):
    wait_for_workers(tmp_path, pytest.fail)
    assert not list(tmp_path.iterdir())


def test_a_worker_locks_its_folder_and_only_notes_a_request_to_stop(tmp_path):
    class StillWorkingError(Exception):
        pass

    def wait():
        raise StillWorkingError

    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        with as_worker(tmp_path) as stop:
            os.kill(os.getpid(), signal.SIGINT)
            assert not stop.requested
            for _ in range(2):
                os.kill(os.getpid(), signal.SIGTERM)
            assert stop.requested
            with pytest.raises(StillWorkingError):
                wait_for_workers(tmp_path, wait)
        wait_for_workers(tmp_path, wait)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def test_a_process_may_use_at_least_one_core_and_not_more_than_there_are():
    assert 1 <= free_cores() <= (os.cpu_count() or 1)
