"""The folder of a training run, `runs/<name>/`, and the names of the files in it."""

import json
import shlex
import shutil
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from sirna.bundle.manifest import MANIFEST
from sirna.errors import SirnaError, StoppedError, UsageError
from sirna.runs.checkpoint import Checkpoint
from sirna.system.files import is_draft, name_suggestion, readable
from sirna.system.locks import LOCK
from sirna.system.processes import WORKERS_LOCK

RUNS = Path("runs")
FILES_BEFORE_EPOCHS = (
    LOCK,
    WORKERS_LOCK,
    "last",
    "splits.csv",
    "started.json",
    "config.toml",
    "messages.txt",
)
"""Files that are written before the first epoch ends. A folder with nothing else in it, and with no
checkpoint in `last`, can be used again."""


@dataclass(frozen=True)
class Run:
    """The files of one training run."""

    folder: Path

    @property
    def name(self) -> str:
        """The name of the folder."""
        return self.folder.resolve().name

    @property
    def config(self) -> Path:
        """The resolved configuration, written before training starts."""
        return self.folder / "config.toml"

    @property
    def splits(self) -> Path:
        """The fold and the half in which each row is held out."""
        return self.folder / "splits.csv"

    @property
    def log(self) -> Path:
        """The log: one row for each epoch of each network."""
        return self.folder / "log.csv"

    @property
    def messages(self) -> Path:
        """Every line that the training printed, with its time."""
        return self.folder / "messages.txt"

    @property
    def oof(self) -> Path:
        """The out-of-fold predictions: one row for every held-out row."""
        return self.folder / "oof.csv"

    @property
    def metrics(self) -> Path:
        """The scores, time and memory of the run."""
        return self.folder / "metrics.json"

    @property
    def started(self) -> Path:
        """The command that started the run, the time and the versions."""
        return self.folder / "started.json"

    @property
    def report(self) -> Path:
        """The page that shows the run to people."""
        return self.folder / "report.html"

    @property
    def bundle(self) -> Path:
        """All that inference needs."""
        return readable(self.folder / "bundle")

    @property
    def begun(self) -> bool:
        """Whether the folder holds anything that took work, or a file that no run writes."""
        found = {path.name for path in self.folder.iterdir() if not is_draft(path)}
        checkpoints = [path for path in self.folder.glob("last/fold-*/*") if not is_draft(path)]
        return bool(found.difference(FILES_BEFORE_EPOCHS) or checkpoints)

    @property
    def finished(self) -> bool:
        """Whether the training was completed."""
        try:
            figures = self.figures()
        except SirnaError:
            return False
        return figures is not None and not figures["interrupted"]

    def figures(self) -> dict[str, Any] | None:
        """Read `metrics.json`; None if it was not written yet.

        Raises
        ------
        SirnaError
            For a damaged file.
        """
        try:
            figures = json.loads(self.metrics.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return None
        except (OSError, ValueError) as error:
            figures, fault = None, str(error)
        else:
            fault = "it has no entry 'interrupted'"
        if not isinstance(figures, dict) or "interrupted" not in figures:
            raise SirnaError(
                f"{self.metrics}: is damaged ({fault}); delete it, and --resume writes it again."
            )
        return figures

    def check_present(self) -> None:
        """Raise a StoppedError if the folder was deleted or moved while it was in use."""
        if not self.config.is_file():
            raise StoppedError(
                f"{self.folder}: was deleted or moved while its training ran; start a new run, or "
                "move it back and give --resume."
            )

    def discard(self) -> None:
        """Delete what a training wrote before its first epoch; whoever has its lock may do so."""
        for path in (self.config, self.splits, self.digest, self.started, self.messages):
            path.unlink(missing_ok=True)
        for folder in [path for path in self.folder.glob("last/*") if path.is_dir()]:
            shutil.rmtree(folder)
        locks = self.folder / LOCK, self.folder / WORKERS_LOCK
        for path in (self.digest.parent, *locks, self.folder):
            if path.is_dir() and not any(path.iterdir()):
                path.rmdir()
            elif path.is_file():
                path.unlink()

    @property
    def digest(self) -> Path:
        """The file with the training table's SHA-256; `--resume` compares it with the table."""
        return self.folder / "last" / "training.sha256"

    @property
    def scratch(self) -> Path:
        """The folder of files that fits leave for others; it is deleted when a training ends."""
        return self.folder / "last" / "scratch"

    def checkpoint(self, fold: int, family: str, index: int) -> Checkpoint:
        """Return the checkpoint of one member of a fold."""
        return Checkpoint(self.folder / "last" / f"fold-{fold}" / f"{family}-{index}")


def new_run(folder: Path | None, protocol: str) -> Run:
    """Name the folder of a new run.

    Raises
    ------
    UsageError
        If the folder already holds a run, since runs are never overwritten.
    """
    if folder is None:
        stem = f"{datetime.now().astimezone():%Y%m%d-%H%M%S}-{protocol}"
        names = [stem, *(f"{stem}-{number}" for number in range(2, 1000))]
        folder = next(RUNS / name for name in names if not (RUNS / name).exists())
    elif not folder.exists():
        pass
    elif not folder.is_dir() or Run(folder).begun:
        raise UsageError(f"{folder}: already exists; give --resume or another --run.")
    return Run(folder)


def run_to_resume(folder: Path | None) -> Run:
    """Return the run to resume: the given one, else the newest unfinished one."""
    if folder is not None:
        run = Run(folder)
        if not run.config.is_file():
            raise UsageError(
                f"{folder}: no run to resume ({run.config.name} is absent)"
                f"{name_suggestion(folder)}."
            )
        return run
    started = [Run(path.parent) for path in RUNS.glob("*/config.toml")]
    open_runs = [run for run in started if not run.finished]
    if not open_runs:
        raise UsageError(f"no unfinished run in {RUNS}/; name one with --run.")
    return max(open_runs, key=lambda run: (run.config.stat().st_mtime, run.name))


def finished_run(folder: Path | None) -> Run:
    """Return a run with a bundle: the given one, else the newest finished one, else the newest.

    Raises
    ------
    SirnaError
        If there is no such run.
    """
    if folder is None:
        done = [Run(path.parent.parent) for path in RUNS.glob(f"*/bundle/{MANIFEST}")]
        if not done:
            raise SirnaError(f"no finished run in {RUNS}/: run `sirna train` or name one by --run.")
        return max(
            done,
            key=lambda run: (run.finished, (run.bundle / MANIFEST).stat().st_mtime, run.name),
        )
    if folder.is_file():
        raise SirnaError(f"{folder}: is a file; name the folder of a run or of a bundle.")
    if not folder.is_dir():
        raise SirnaError(f"{folder}: no such run{name_suggestion(folder)}.")
    run = Run(folder)
    if run.config.is_file() and not run.bundle.is_dir() and not (folder / MANIFEST).is_file():
        raise SirnaError(f"{folder}: its training has written no bundle yet; {resume_hint(run)}.")
    return run


def resume_hint(run: Run) -> str:
    """Return a hint for the user: the command that resumes a run."""
    return f"to go on: sirna train --resume --run {shlex.quote(str(run.folder))}"
