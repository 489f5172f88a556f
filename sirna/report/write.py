"""Write `report.html` into the folder of a run."""

import pandas as pd

from sirna.report.run_page import run_page
from sirna.runs.record import read_record
from sirna.runs.run import Run
from sirna.system.files import write_text


def write_report(run: Run, rows: pd.DataFrame | None) -> None:
    """Make the page of a run again from its files.

    Parameters
    ----------
    run : Run
    rows : DataFrame, or None
        Its checked training table; without it, errors by target, dose and so on are left out.

    Raises
    ------
    SirnaError
        If a file of the run is absent or damaged, or the page cannot be written.
    """
    write_text(run.report, run_page(read_record(run, rows)))
