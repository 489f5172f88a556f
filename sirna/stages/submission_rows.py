"""The rows of a submission, appended block by block, and the file that is made of them.

What a file holds is stood for by the SHA-256 of its rows as CSV, whatever the format of the file.
"""

import gzip
import hashlib
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from sirna.system.csv_text import csv_text
from sirna.table.read_blocks import BLOCK_ROWS

READ_BYTES = 1 << 20
COMPRESSION = "zstd"
"""Of Parquet files."""


class CsvRows:
    """Appends rows as CSV, and keeps the digest of all that were written.

    Parameters
    ----------
    stream : binary stream
        Empty, or with rows that were written before; at its end.
    """

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream
        self._hash = hashlib.sha256()
        stream.seek(0)
        while part := stream.read(READ_BYTES):
            self._hash.update(part)
        self._header = stream.tell() == 0

    def append(self, frame: pd.DataFrame) -> str:
        """Write rows; return them as CSV with the header."""
        text = csv_text(frame)
        data = _without_header(text, frame, self._header)
        self._header = False
        self._stream.write(data)
        self._hash.update(data)
        return text

    @property
    def digest(self) -> str:
        """The SHA-256, in hexadecimal, of all rows as CSV."""
        return self._hash.hexdigest()

    def finish(self, draft: Path, name: Path) -> None:
        """Write a draft from the rows, compressed if the final name ends in .gz."""
        self._stream.seek(0)
        with draft.open("wb") as raw:
            if not _is_compressed(name):
                shutil.copyfileobj(self._stream, raw, READ_BYTES)
                return
            with gzip.GzipFile(filename="", mode="wb", fileobj=raw, mtime=0) as compressed:
                shutil.copyfileobj(self._stream, compressed, READ_BYTES)


class ParquetRows:
    """Appends rows as Arrow's messages, from which a Parquet file is made.

    Numbers and switches keep their types; the columns of the test file are text, as they were read.

    Parameters
    ----------
    stream : binary stream
        Empty, or with rows that were written before; at its end.
    """

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream
        self._hash = hashlib.sha256()
        self._schema: pa.Schema | None = None
        if stream.tell():
            for batch in self._batches():
                self._update(batch.to_pandas(), header=self._schema is None)
                self._schema = batch.schema
        stream.seek(0, 2)

    def append(self, frame: pd.DataFrame) -> str:
        """Write rows; return them as CSV with the header."""
        first = self._schema is None
        if self._schema is None:
            self._schema = schema_of(frame)
            self._stream.write(self._schema.serialize())
        batch = pa.RecordBatch.from_pandas(frame, self._schema, preserve_index=False)
        self._stream.write(batch.serialize())
        return self._update(batch.to_pandas(), header=first)

    @property
    def digest(self) -> str:
        """The SHA-256, in hexadecimal, of all rows as CSV."""
        return self._hash.hexdigest()

    def finish(self, draft: Path, name: Path) -> None:
        """Write a draft from the rows: a group of rows for each block."""
        if self._schema is None:
            raise ValueError("there are no rows")
        with pq.ParquetWriter(draft, self._schema, compression=COMPRESSION) as writer:
            for batch in self._batches():
                writer.write_batch(batch)

    def _batches(self) -> Iterator[pa.RecordBatch]:
        self._stream.seek(0)
        yield from pa.ipc.open_stream(self._stream)

    def _update(self, frame: pd.DataFrame, header: bool) -> str:
        text = csv_text(frame)
        self._hash.update(_without_header(text, frame, header))
        return text


def rows_of(path: Path, stream: IO[bytes]) -> CsvRows | ParquetRows:
    """Return the rows of a submission of this name, kept in a stream."""
    return ParquetRows(stream) if is_parquet(path) else CsvRows(stream)


def content_sha256(path: Path, name: Path) -> str:
    """Return the SHA-256 of the rows, as CSV, in a file of that name; "" if unreadable."""
    found = hashlib.sha256()
    try:
        if is_parquet(name):
            for number, batch in enumerate(pq.ParquetFile(path).iter_batches(BLOCK_ROWS)):
                frame = batch.to_pandas()
                found.update(_without_header(csv_text(frame), frame, header=number == 0))
            return found.hexdigest()
        with gzip.open(path, "rb") if _is_compressed(name) else path.open("rb") as stream:
            while part := stream.read(READ_BYTES):
                found.update(part)
    except (OSError, EOFError, ValueError, pa.ArrowException):
        return ""
    return found.hexdigest()


def schema_of(frame: pd.DataFrame) -> pa.Schema:
    """Return the types of the columns of a Parquet file: numbers, switches, or text."""
    kinds = {"b": pa.bool_(), "f": pa.float64(), "i": pa.int64()}
    types = (kinds.get(column.dtype.kind, pa.string()) for _, column in frame.items())
    return pa.schema(list(zip(map(str, frame), types, strict=True)))


def is_parquet(name: Path) -> bool:
    """Return whether a file of that name is Parquet."""
    return name.name.lower().endswith(".parquet")


def _without_header(text: str, frame: pd.DataFrame, header: bool) -> bytes:
    data = text.encode()
    return data if header else data[len(csv_text(frame.iloc[:0]).encode()) :]


def _is_compressed(name: Path) -> bool:
    return name.name.lower().endswith(".gz")
