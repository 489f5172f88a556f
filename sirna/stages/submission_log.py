"""The log of all submissions that were written from this folder."""

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from sirna.errors import reason
from sirna.stages.console import Console
from sirna.system.csv_text import csv_bytes
from sirna.system.locks import append_line

SUBMISSIONS = Path("submissions")
LOG_COLUMNS = ("time", "run", "test", "rows", "sha256", "local_score", "protocol", "file")
LOG_NAME = "log.csv"


def log_submission(values: Sequence[object], console: Console) -> None:
    """Append a line to `submissions/log.csv`; if that is impossible, say so."""
    path = SUBMISSIONS / LOG_NAME
    line = pd.DataFrame([dict(zip(LOG_COLUMNS, values, strict=True))]).astype(str)
    header, record = csv_bytes(path, line).decode().split("\n", 1)
    try:
        SUBMISSIONS.mkdir(exist_ok=True)
        append_line(path, record.removesuffix("\n"), header)
    except OSError as error:
        console.note(f"the submission is complete, but {path} was not extended: {reason(error)}")
