"""`sirna check`: load a bundle with every check, and print what it is and its digest."""

import shlex
from pathlib import Path

from sirna.bundle.store import bundle_digest, load_bundle
from sirna.runs.run import finished_run
from sirna.stages.console import Console


def check_bundle(path: Path, expect: str | None, console: Console) -> None:
    """Load a bundle and print its members, its training and its digest.

    Raises
    ------
    SirnaError
        For a bundle that cannot be used, or whose digest is not the expected one.
    """
    run = finished_run(path)
    folder = run.bundle if run.bundle.is_dir() else run.folder
    digest = bundle_digest(folder)
    bundle = load_bundle(folder, expect or digest)
    counts = ", ".join(f"{len(some)} x {some[0].title}" for some in bundle.by_family.values())
    about = bundle.about
    console.result(f"{folder}: a complete bundle ({counts})")
    console.result(
        f"trained on {about['training']['name']}, {about['training']['rows']:,} rows, protocol "
        f"{about['protocol']}, local score {about['scores']['score']:.4f}"
    )
    console.result(f"digest {digest}")
    console.next(f"sirna submit TEST --run {shlex.quote(str(path))} --expect {digest}")
    members = {family: len(some) for family, some in bundle.by_family.items()}
    console.json({"bundle": str(folder), "digest": digest, "members": members, **about})
