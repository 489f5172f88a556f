"""What `sirna train` was asked for."""

from dataclasses import dataclass
from pathlib import Path

from sirna.config.config import Config


@dataclass(frozen=True)
class TrainRequest:
    """The options of `sirna train`.

    Attributes
    ----------
    table : Path, optional
        The training table; see `training_source`.
    config : Config
    run : Path, optional
        Folder of the new run.
    splits : Path, optional
        A saved split to use again.
    device : str
    command : str
        The command line, which the run records.
    report : bool
        Whether to write the run's page at the end.
    workers : int, optional
        Processes that fit members, one fit at a time. None: chosen by the machine and the size
        of the training. The result does not depend on it.
    """

    table: Path | None
    config: Config
    run: Path | None = None
    splits: Path | None = None
    device: str = "auto"
    command: str = ""
    report: bool = True
    workers: int | None = 1
