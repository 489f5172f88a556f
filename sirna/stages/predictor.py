"""A loaded bundle with the options of one `sirna submit`: it predicts files and writes them."""

import hashlib
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Literal

import numpy as np
import torch

from sirna import __version__
from sirna.bundle.bundle import Bundle, Prediction
from sirna.bundle.domain import DOMAIN_COLUMNS
from sirna.bundle.predict_table import check_sequences, uncertainty_names
from sirna.bundle.store import bundle_digest, load_bundle
from sirna.config.load import with_columns
from sirna.errors import SirnaError, UsageError
from sirna.runs.run import Run, finished_run
from sirna.stages.console import Console
from sirna.stages.progress import rows_bar
from sirna.stages.submission_file import Layout, same_rows
from sirna.stages.submission_rows import CsvRows, ParquetRows, content_sha256, rows_of
from sirna.stages.submission_summary import Summary
from sirna.stages.submit_bars import checked_bar
from sirna.stages.unfinished_submission import Unfinished
from sirna.system.device import choose_device
from sirna.system.files import TakenError, reading_back, write_atomically
from sirna.table.check_table import Table
from sirna.table.columns import absent_columns
from sirna.table.read_blocks import BLOCK_ROWS
from sirna.table.stream import Reading, Stream
from sirna.table.transcripts import Transcripts


@dataclass(frozen=True)
class SubmitRequest:
    """The options of `sirna submit`.

    Attributes
    ----------
    test : Path
        The test file, a folder of test files, or a pattern of their names.
    run : Path, optional
        A run or a bundle; default: the newest run.
    config : Path, optional
        A TOML file whose `[columns]` name the columns of the test file.
    out : Path, optional
        A file or, to write one part for each test file, a folder. Default:
        `submissions/<run>/submission.csv`.
    columns : {"all", "id"}
        Whether the submission has all columns of the test file, or the id alone.
    with_uncertainty : bool
        Whether medians, probabilities, intervals and the domain are added.
    force : bool
        Whether a file with another submission may be replaced.
    device : str
    sheet : str
        The sheet of a spreadsheet; default: the first.
    expect : str, optional
        The digest that the bundle must have, as `sirna check` prints it.
    transcripts : Path, optional
        A FASTA file with the transcripts of targets, for rows that have none.
    engine : {"local", "ray"}
        What runs the workers that write the parts.
    address : str
        Of a Ray cluster; default: a new one on this machine.
    workers : int, optional
        How many parts are predicted at a time.
    """

    test: Path
    run: Path | None = None
    config: Path | None = None
    out: Path | None = None
    columns: Literal["all", "id"] = "all"
    with_uncertainty: bool = False
    force: bool = False
    device: str = "auto"
    sheet: str = ""
    expect: str | None = None
    transcripts: Path | None = None
    engine: Literal["local", "ray"] = "local"
    address: str = ""
    workers: int | None = None


@dataclass(frozen=True)
class Written:
    """A file that was written, or that was there with the same rows."""

    rows: int
    unchanged: bool
    summary: Summary


@dataclass(frozen=True)
class Predictor:
    """Predicts test files with a bundle, and writes each as a submission.

    Attributes
    ----------
    request : SubmitRequest
    run : Run
    bundle : Bundle
        Its configuration names the columns of the test file.
    digest : str
        Of the bundle.
    device : torch.device
    transcripts : Transcripts, optional
    """

    request: SubmitRequest
    run: Run
    bundle: Bundle
    digest: str
    device: torch.device
    transcripts: Transcripts | None

    @classmethod
    def of(cls, request: SubmitRequest) -> "Predictor":
        """Load what a request names.

        Raises
        ------
        SirnaError
            For an unusable bundle or file of transcripts.
        UsageError
            For an unusable device or configuration.
        """
        device = choose_device(request.device)
        run = finished_run(request.run)
        folder = run.bundle if run.bundle.is_dir() else run.folder
        bundle = load_bundle(folder, request.expect)
        if request.config is not None:
            bundle = replace(bundle, config=with_columns(bundle.config, request.config))
        transcripts = Transcripts.read(request.transcripts) if request.transcripts else None
        return cls(request, run, bundle, bundle_digest(folder), device, transcripts)

    @cached_property
    def identity(self) -> list[str]:
        """Texts that change if the predictions of a row, or the columns written, may change."""
        request = self.request
        transcripts = "" if self.transcripts is None else self.transcripts.digest
        options = f"{request.columns} {request.with_uncertainty} {request.sheet!r}"
        return [
            __version__,
            self.digest,
            self.bundle.config.model_dump_json(),
            options,
            transcripts,
        ]

    def write(self, files: list[Path], source: str, path: Path, console: Console) -> Written:
        """Predict the rows of test files, write them as one file and check it.

        Parameters
        ----------
        files : list of Path
        source : str
            Their name in messages.
        path : Path
            The file to write. If a process was interrupted while it wrote the same file, its rows
            are kept.
        console : Console

        Raises
        ------
        SirnaError
            For an unusable test file, and for a written file that fails its check.
        UsageError
            If the file already holds another submission and `force` is not given.
        """
        request, config = self.request, self.bundle.config
        with checked_bar(console) as advance:
            reading = Reading(request.sheet, self.transcripts, BLOCK_ROWS, advance)
            stream = Stream(files, source, config, reading)
        console.line(f"data: {source}: {stream.description}")
        if not request.force and path.exists() and not same_rows(path, stream, config):
            raise _other_submission_error(path)
        self._check_added_columns(stream.head)
        check_sequences(self.bundle, stream.head)
        for note in (*self._absent(stream.head), *stream.notes):
            console.note(note)
        layout = Layout(config, request.columns, request.with_uncertainty, stream.has_labels)
        filling = _Filling(self, stream, layout, path, console)
        key_parts = [*self.identity, repr(layout.options), *stream.identity]
        key = hashlib.sha256("\n".join(key_parts).encode()).hexdigest()
        with Unfinished.opened(path, key, on_disk=len(stream) > BLOCK_ROWS) as kept:
            rows = filling.rows(kept)

            def check(draft: Path) -> None:
                if content_sha256(draft, path) != rows.digest:
                    raise ValueError("its bytes differ")

            try:
                write_atomically(
                    path, lambda draft: rows.finish(draft, path), check, replace=request.force
                )
            except TakenError:
                if content_sha256(path, path) != rows.digest:
                    raise _other_submission_error(path) from None
                return Written(len(stream), True, filling.summary)
        return Written(len(stream), False, filling.summary)

    def predict(self, block: Table) -> Prediction:
        """Predict rows; a bundle that cannot is named.

        Raises
        ------
        SirnaError
        """
        try:
            predicted = self.bundle.predict(block.rows, self.device)
        except (LookupError, ValueError, TypeError, ArithmeticError, RuntimeError) as error:
            raise SirnaError(
                f"{self.run.folder}: the bundle cannot predict the rows of {block.source}: its "
                "parts do not fit each other, or there is too little memory; train again."
            ) from error
        if not np.isfinite(predicted.points).all():
            raise SirnaError(
                f"{self.run.folder}: the bundle predicts values that are not finite numbers."
            )
        return predicted

    def _absent(self, head: Table) -> list[str]:
        """Describe what the bundle reads and the file lacks."""
        found = set(head.rows) - {"id"}
        notes = []
        if self.transcripts is not None:
            found |= {"transcript"}
            if "transcript" not in self.bundle.columns_read:
                notes = [f"{self.request.transcripts}: this run does not read transcripts"]
        asked = self.bundle.columns_read - found
        columns = self.bundle.config.columns
        return [*notes, *absent_columns(head.raw, columns, asked, "missing in every row")]

    def _check_added_columns(self, head: Table) -> None:
        """Refuse a test file that already has a column that would be added."""
        if not self.request.with_uncertainty or self.request.columns == "id":
            return
        added = (*uncertainty_names(self.bundle.config), *DOMAIN_COLUMNS)
        taken = [name for name in added if name in head.raw]
        if taken:
            raise SirnaError(
                f"{head.source}: has a column {taken[0]!r} already; rename it, or give --columns "
                "id."
            )


@dataclass(frozen=True)
class _Filling:
    """Predicts the rows of a stream block by block, and appends them to those that are kept."""

    predictor: Predictor
    stream: Stream
    layout: Layout
    path: Path
    console: Console

    @cached_property
    def summary(self) -> Summary:
        """What is counted over all rows."""
        return Summary(self.predictor.bundle)

    def rows(self, kept: Unfinished) -> CsvRows | ParquetRows:
        """Predict and write all rows that are not kept from an interrupted submit."""
        done = kept.state.get("rows", 0)
        if done:
            self.summary.add_state(kept.state["summary"])
            self.console.note(f"{self.path}: goes on after {done:,} rows that were written before")
        rows = rows_of(self.path, kept.stream)
        with rows_bar(len(self.stream), done, self.console) as advance:
            for block in self.stream.blocks(done):
                predicted = self.predictor.predict(block)
                frame = self.layout.fill(block, predicted, self.predictor.bundle)
                self.summary.add(block.rows, predicted, frame)
                text = rows.append(frame)
                with reading_back(self.path):
                    self.layout.check(text, frame, block, predicted.distribution.edges)
                done += len(block)
                kept.save({"summary": self.summary.state(), "rows": done})
                advance(len(block))
        return rows


def _other_submission_error(path: Path) -> UsageError:
    return UsageError(f"{path}: holds another submission; give --out FILE, or --force.")
