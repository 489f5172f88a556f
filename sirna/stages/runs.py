"""`sirna runs`: list runs and submissions from their files, best first within a protocol."""

import json
import shlex
from collections import Counter
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from rich.table import Table

from sirna.config.leaves import changed_settings
from sirna.config.load import load_config
from sirna.errors import SirnaError
from sirna.runs.run import RUNS, Run
from sirna.stages.console import Console
from sirna.table.read_file import read_text_table

SUBMISSION_LOG = Path("submissions") / "log.csv"
HASH_LENGTH = 12
MOST_SETTINGS_SHOWN = 4


@dataclass(frozen=True)
class Listed:
    """What `sirna runs` says about one run.

    Attributes
    ----------
    name, protocol : str
    score : float, optional
        None if the run has no scores yet.
    rows : int, optional
        Held-out rows.
    state : str
        "finished", "unfinished", or what is damaged.
    settings : dict
        Settings that differ from the defaults of the protocol.
    data : str
        The first characters of the training table's SHA-256.
    started : str
    seconds : float, optional
    submissions : int
    """

    name: str
    protocol: str
    score: float | None
    rows: int | None
    state: str
    settings: dict[str, Any]
    data: str
    started: str
    seconds: float | None
    submissions: int


def list_runs() -> list[Listed]:
    """Return the runs in `runs/`, best first within a protocol; nothing is loaded but small files.

    Raises
    ------
    SirnaError
        If there is no run.
    """
    submitted = _submissions()
    found = [_listed(Run(path.parent), submitted) for path in sorted(RUNS.glob("*/config.toml"))]
    if not found:
        raise SirnaError(f"no run in {RUNS}/: start one with sirna train.")
    return sorted(found, key=lambda one: (one.protocol, -(one.score or -1.0), one.name))


def show_runs(console: Console) -> None:
    """Print the runs as a table, or as JSON."""
    found = list_runs()
    if console.as_json:
        console.json([asdict(one) for one in found])
        return
    names = ("run", "protocol", "score", "rows", "state", "submissions", "data", "started")
    table = Table(*names, "changed settings")
    for one in found:
        settings = [f"{key}={value}" for key, value in one.settings.items()]
        shown = ", ".join(settings[:MOST_SETTINGS_SHOWN])
        shown += f" and {len(settings) - MOST_SETTINGS_SHOWN} more" * (
            len(settings) > MOST_SETTINGS_SHOWN
        )
        table.add_row(
            one.name,
            one.protocol,
            "" if one.score is None else f"{one.score:.4f}",
            "" if one.rows is None else f"{one.rows:,}",
            one.state,
            str(one.submissions),
            one.data,
            one.started,
            shown,
        )
    console.table(table)
    if console.lines_on_terminal:  # elsewhere the list may be read by a program
        console.next(f"sirna report {shlex.quote(str(RUNS / found[0].name))}")


def _listed(run: Run, submitted: Counter[str]) -> Listed:
    """Describe one run; a damaged file is reported as its state."""
    score, rows, state, seconds = None, None, "unfinished", None
    protocol, settings = "", {}
    try:
        config = load_config(run.config)
        protocol = config.split.protocol
        settings = {key: value for key, (value, _) in changed_settings(config).items()}
        figures = run.figures()
        if figures is not None:
            score, rows = figures["pooled"]["score"], figures["pooled"]["rows"]
            seconds = figures.get("seconds")
            state = "unfinished" if figures["interrupted"] else "finished"
    except (SirnaError, KeyError, TypeError) as error:
        state = f"damaged: {next(iter(str(error).splitlines()), 'unknown')}"
    started = ""
    if run.started.is_file():
        try:
            started = str(json.loads(run.started.read_text(encoding="utf-8"))["started"])
        except (OSError, ValueError, KeyError, TypeError):
            state = f"damaged: {run.started.name}"
    digest = ""
    if run.digest.is_file():
        digest = run.digest.read_text(encoding="utf-8", errors="replace")[:HASH_LENGTH]
    count = submitted[run.name]
    return Listed(run.name, protocol, score, rows, state, settings, digest, started, seconds, count)


def _submissions() -> Counter[str]:
    """Count the submissions of each run in `submissions/log.csv`."""
    if not SUBMISSION_LOG.is_file():
        return Counter()
    log = read_text_table(SUBMISSION_LOG)
    return Counter(log["run"]) if "run" in log else Counter()
