"""Mutation testing: run a module's unit tests on its mutants; those that pass are survivors.

    python tests/mutation/run.py                all modules
    python tests/mutation/run.py score vocab    some
    python tests/mutation/run.py store --every 3

Each mutant is tested in a forked child in which the libraries are loaded and the project is not,
the quickest tests first. A mutant is killed if a test fails, or if the tests take far longer than
on the module as it is.
"""

import argparse
import importlib.abc
import importlib.util
import json
import os
import resource
import sys
import tempfile
from collections.abc import Iterator
from importlib.machinery import SourceFileLoader
from pathlib import Path

from mutants import Mutant, mutants

ROOT = Path(__file__).parents[2]
UNIT = "tests/unit"
MODULES = {
    "score": ("sirna/prediction/score.py", [f"{UNIT}/prediction/test_score.py"]),
    "decision": ("sirna/prediction/decision.py", [f"{UNIT}/prediction/test_decision.py"]),
    "calibration": ("sirna/prediction/calibration.py", [f"{UNIT}/prediction/test_calibration.py"]),
    "splits": ("sirna/table/splits.py", [f"{UNIT}/table/test_splits.py"]),
    "vocab": ("sirna/features/vocab.py", [f"{UNIT}/features/test_vocab.py"]),
    "manifest": (
        "sirna/bundle/manifest.py",
        [f"{UNIT}/bundle/test_manifest.py", f"{UNIT}/bundle/test_forged.py"],
    ),
    "store": (
        "sirna/bundle/store.py",
        [f"{UNIT}/bundle/test_store.py", f"{UNIT}/bundle/test_forged.py"],
    ),
}
"""Name -> module, and the tests that must kill its mutants."""
LIBRARIES = ("pytest", "hypothesis", "numpy", "scipy.optimize", "pandas", "pydantic")
WITH_TORCH = ("torch", "safetensors.torch", "pyarrow.parquet", "sklearn.ensemble")
SLOWEST = 5.0
"""A mutant may take this many times the processor time of the module as it is, and 5 s more."""
GOAL = 0.9


class _Finder(importlib.abc.MetaPathFinder, SourceFileLoader):
    """Imports one module from a changed tree."""

    def __init__(self, path: str, tree: object) -> None:
        name = path.removesuffix(".py").replace("/", ".")
        SourceFileLoader.__init__(self, name, str(ROOT / path))
        self.tree = tree

    def find_spec(self, name, path=None, target=None):
        if name != self.name:
            return None
        return importlib.util.spec_from_file_location(name, self.path, loader=self)

    def get_code(self, name):
        return compile(self.tree, self.path, "exec")


class _QuickestFirst:
    """A plugin of pytest that keeps the seconds of each test, and runs the quickest ones first."""

    def __init__(self, kept: Path) -> None:
        self.kept = kept
        self.known: dict[str, float] = json.loads(kept.read_text()) if kept.exists() else {}
        self.taken: dict[str, float] = {}

    def pytest_collection_modifyitems(self, items):
        items.sort(key=lambda item: self.known.get(item.nodeid, 0.0))

    def pytest_runtest_logreport(self, report):
        self.taken[report.nodeid] = self.taken.get(report.nodeid, 0.0) + report.duration

    def pytest_sessionfinish(self):
        if not self.known:
            self.kept.write_text(json.dumps(self.taken))


def tested(
    path: str, tests: list[str], mutant: Mutant | None, seconds: int, kept: Path
) -> tuple[bool, float]:
    """Run tests in a child; return whether they pass, and their processor time.

    The seconds of each test are written to the file `kept` by the first call and read by others.
    """
    process = os.fork()
    if process == 0:
        code = 70
        try:
            resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds + 1))
            silent = os.open(os.devnull, os.O_WRONLY)
            os.dup2(silent, 1)
            os.dup2(silent, 2)
            if mutant is not None:
                sys.meta_path.insert(0, _Finder(path, mutant.tree))
            import pytest  # noqa: PLC0415 - loaded before the fork

            options = ["-x", "-q", "-p", "no:cacheprovider", *tests]
            code = int(pytest.main(options, plugins=[_QuickestFirst(kept)]))
        finally:
            os._exit(code)
    _, status, used = os.wait4(process, 0)
    return status == 0, used.ru_utime + used.ru_stime


def survivors(name: str, every: int, folder: Path) -> Iterator[str]:
    """Test every `every`-th mutant of a module; yield a line for each survivor, then the count."""
    path, tests = MODULES[name]
    for library in (*LIBRARIES, *(WITH_TORCH if "bundle" in path else ())):
        importlib.import_module(library)
    kept = folder / f"{name}.json"
    whole, seconds = tested(path, tests, None, 3600, kept)
    if not whole:
        raise SystemExit(f"{path}: its tests fail without any change")
    most = int(SLOWEST * seconds) + 5
    found = list(mutants((ROOT / path).read_text(encoding="utf-8")))[::every]
    lived = 0
    for mutant in found:
        passed, _ = tested(path, tests, mutant, most, kept)
        lived += passed
        if passed:
            yield f"survived: {path}:{mutant.place}"
    counts = {"module": path, "mutants": len(found), "killed": len(found) - lived}
    yield json.dumps({**counts, "share": round(1 - lived / len(found), 3)})


def main() -> None:
    """Print survivors and counts; exit with 1 if fewer than nine in ten mutants were killed."""
    parser = argparse.ArgumentParser(description="Mutation testing.")
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(MODULES))
    parser.add_argument("--every", type=int, default=1, help="test only every nth mutant")
    options = parser.parse_args()
    unknown = set(options.names) - set(MODULES)
    if unknown:
        parser.error(f"no such module: {', '.join(sorted(unknown))}; {', '.join(MODULES)}")
    os.chdir(ROOT)
    os.environ["OMP_NUM_THREADS"] = "1"
    os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"  # pytest warns of plugins loaded before it
    failed = False
    with tempfile.TemporaryDirectory() as folder:
        for name in options.names or MODULES:
            for line in survivors(name, options.every, Path(folder)):
                print(line, flush=True)
                failed |= line.startswith("{") and json.loads(line)["share"] < GOAL
    raise SystemExit(int(failed))


if __name__ == "__main__":
    main()
