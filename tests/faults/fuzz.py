"""Fuzz one reader, guided by coverage: `python tests/faults/fuzz.py table -max_total_time=60`.

A reader may return or raise a SirnaError; anything else is a fault, and atheris keeps its input.
"""

import contextlib
import json
import shutil
import sys
import tempfile
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["sirna"]):
    from sirna.bundle.manifest import MANIFEST, check_manifest, manifest_digest, read_manifest
    from sirna.bundle.training_table import read_training
    from sirna.config.config import Config
    from sirna.config.load import load_config
    from sirna.errors import SirnaError
    from sirna.notation.read import check_notation
    from sirna.table.check_table import read_table
    from sirna.table.report import Purpose
    from sirna.tuning.default_space import DEFAULT_SEARCH
    from sirna.tuning.space import load_search

FOLDER = Path(tempfile.mkdtemp())
COLUMNS = b"id,siRNA_antisense_seq,siRNA_concentration,concentration_unit\n"
LISTS = b"id,siRNA_antisense_seq,modified_siRNA_antisense_seq_list\n"
CONFIG = Config()


def _written(name: str, data: bytes) -> Path:
    path = FOLDER / name
    path.write_bytes(data)
    return path


def table(data: bytes) -> None:
    suffix = ".parquet" if data[:1] == b"P" else ".csv"
    content = data if data[:1] in {b"P", b"\0"} else COLUMNS + data
    read_table(_written(f"t{suffix}", content), CONFIG, Purpose.TEST)


def notation(data: bytes) -> None:
    check_notation("auto")
    read_table(_written("n.csv", LISTS + b"1,ACGUACGUACGUACGUACGUA," + data), CONFIG, Purpose.TEST)


def configuration(data: bytes) -> None:
    path = _written("c.toml", data)
    with contextlib.suppress(SirnaError):
        load_search(path, DEFAULT_SEARCH)
    text = data.decode("utf-8", "replace")
    with contextlib.suppress(SirnaError):
        load_config(None, [text])
    load_config(path)


def bundle(data: bytes) -> None:
    if data[:4] == b"PAR1":
        read_training(_written("training.parquet", data))
        return
    _written(MANIFEST, _resealed(data))
    check_manifest(read_manifest(FOLDER), FOLDER / MANIFEST)


def _resealed(data: bytes) -> bytes:
    """Give a manifest its digest, as a forger would; so what follows is reached."""
    try:
        raw = json.loads(data)
        return json.dumps({**raw, "digest": manifest_digest({**raw, "digest": ""})}).encode()
    except (ValueError, TypeError, RecursionError):
        return data


SEEDS = {
    "table": ["tests/golden/test.csv", "tests/golden/schema-9/bundle/training.parquet"],
    "notation": [],
    "configuration": ["configs/default.toml", "configs/plain.toml", "configs/tune.toml"],
    "bundle": ["tests/golden/schema-9/bundle/*.json", "tests/golden/schema-9/bundle/*.parquet"],
}
"""Files of this project with which fuzzing begins."""
READERS = {one.__name__: one for one in (table, notation, configuration, bundle)}


def main() -> None:
    """Fuzz the reader that the first argument names; the rest goes to libFuzzer."""
    name = sys.argv.pop(1)
    read, root = READERS[name], Path(__file__).parents[2]
    seeds = Path(tempfile.mkdtemp())
    for index, path in enumerate(path for glob in SEEDS[name] for path in root.glob(glob)):
        shutil.copy(path, seeds / str(index))

    def once(data: bytes) -> None:
        with contextlib.suppress(SirnaError):
            read(data)

    atheris.Setup(
        [
            sys.argv[0],
            "-rss_limit_mb=4000",
            "-timeout=30",
            "-max_len=200000",
            *sys.argv[1:],
            str(seeds),
        ],
        once,
    )
    atheris.Fuzz()


if __name__ == "__main__":
    main()
