"""Checked rows of a large table, kept in a temporary file so that they are checked only once."""

import contextlib
import tempfile
import weakref
from typing import IO, NamedTuple

import numpy as np
import pandas as pd
import pyarrow as pa
from pandas.api.types import is_object_dtype

COMPRESSION = "lz4"
UNREADABLE = (OSError, ValueError, pa.ArrowException)


class _Place(NamedTuple):
    """Where a block lies in the file, and the types of its columns."""

    start: int
    length: int
    dtypes: pd.Series


class KeptBlocks:
    """Blocks of checked rows in the order in which they were added.

    If the disk has no room for them, none is kept.
    """

    def __init__(self) -> None:
        self._file: IO[bytes] | None = None
        self._places: list[_Place] = []
        self._full = False

    def add(self, rows: pd.DataFrame) -> None:
        """Keep a block."""
        if self._full:
            return
        try:
            if self._file is None:
                self._file = tempfile.TemporaryFile(prefix="sirna-rows-")  # noqa: SIM115 - kept open
                weakref.finalize(self, self._file.close)
            batch = pa.RecordBatch.from_pandas(rows, preserve_index=False)
            sink = pa.BufferOutputStream()
            options = pa.ipc.IpcWriteOptions(compression=COMPRESSION)
            with pa.ipc.new_stream(sink, batch.schema, options=options) as writer:
                writer.write_batch(batch)
            data = sink.getvalue()
            start = self._file.seek(0, 2)
            self._file.write(data)
            self._file.flush()
        except UNREADABLE:
            self.close()
            self._full = True
        else:
            self._places.append(_Place(start, data.size, rows.dtypes))

    def read(self, number: int) -> pd.DataFrame | None:
        """Return a block by its number, from 0; None if it was not kept."""
        if self._file is None or number >= len(self._places):
            return None
        place = self._places[number]
        try:
            self._file.seek(place.start)
            read: pd.DataFrame = pa.ipc.open_stream(self._file.read(place.length)).read_pandas()
        except UNREADABLE:
            return None
        rows = read.astype(place.dtypes)
        for name in filter(lambda name: is_object_dtype(rows[name]), rows):
            rows[name] = rows[name].where(rows[name].notna(), np.nan)  # Arrow gives None
        return rows

    def close(self) -> None:
        """Remove the file."""
        if self._file is not None:
            with contextlib.suppress(OSError):  # on a full disk
                self._file.close()
        self._file, self._places = None, []
