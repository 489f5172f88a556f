"""The memory at hand."""

import os
import subprocess
import sys

import pytest

from sirna.errors import SirnaError
from sirna.system.memory import (
    TooLittleMemoryError,
    available_memory,
    check_memory,
    is_about_memory,
)

LIMITED = """
import resource
from sirna.system.memory import available_memory
resource.setrlimit(resource.RLIMIT_AS, ({limit}, {limit}))
print(available_memory())
"""

FREED = """
import numpy as np
from sirna.system.memory import memory_of, return_freed_memory
import os
tables = [np.ones(500_000) for _ in range(50)]  # 4 MB each: small enough for the heap
between = [bytearray(100_000) for _ in range(50)]
last = np.ones(500_000)
del tables
before = memory_of([os.getpid()])
return_freed_memory()
print(before, memory_of([os.getpid()]))
"""

FORKED = """
import os, time
from sirna.system.memory import memory_of
shared = bytearray(b"x" * 100_000_000)
alone = memory_of([os.getpid()])
child = os.fork()
if not child:
    time.sleep(60)
both = memory_of([os.getpid(), child])
os.kill(child, 9)
os.waitpid(child, 0)
print(alone, both, memory_of([os.getpid(), child]))
"""


def test_there_is_some_memory_and_not_more_than_any_machine_has():
    assert 1e6 < available_memory() < 1e15


def test_a_limit_of_the_address_space_counts():
    limit = 700_000_000
    found = subprocess.run(
        [sys.executable, "-c", LIMITED.format(limit=limit)],
        capture_output=True,
        text=True,
        check=True,
    )
    assert 0 <= float(found.stdout) < limit


def test_work_that_needs_more_is_refused_with_the_remedy():
    with pytest.raises(SirnaError, match=r"^this work needs about 1,000,000\.0 GB .*; do less\.$"):
        check_memory(1e15, "this work", "do less")
    check_memory(1000, "this work", "do less")


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (TooLittleMemoryError("this work needs about 9 GB"), True),
        (MemoryError(), True),
        (RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried ..."), True),
        (RuntimeError("the sizes differ"), False),
        (SirnaError("a memory in words"), False),
    ],
)
def test_errors_about_memory_are_recognised(error, expected):
    assert is_about_memory(error) is expected


@pytest.mark.skipif(sys.platform != "linux", reason="other systems do not say what is shared")
def test_memory_that_processes_share_counts_once():
    done = subprocess.run(
        [sys.executable, "-c", FORKED], capture_output=True, text=True, check=True
    )
    alone, both, with_ended = map(float, done.stdout.split())
    assert 100e6 < alone < both < alone + 50e6
    assert with_ended == 0


@pytest.mark.skipif(sys.platform != "linux", reason="other systems return it by themselves")
def test_memory_that_was_freed_is_returned():
    setting = {**os.environ, "MALLOC_MMAP_THRESHOLD_": "1000000000"}
    command = [sys.executable, "-c", FREED]
    done = subprocess.run(command, capture_output=True, text=True, env=setting, check=True)
    before, after = map(float, done.stdout.split())
    assert before - after > 150e6
