"""Collect faulty rows, and report them together with file, row id, column, value and remedy."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import Enum
from functools import partial

import numpy as np
import pandas as pd

from sirna.errors import SirnaError
from sirna.table.cells import blank
from sirna.table.facts import Facts
from sirna.table.messages import MOST_ROWS_SHOWN, Message, rows_text
from sirna.table.numbers import Numbers, read_numbers

LONGEST_SHOWN = 60
"""Largest number of characters of a value that a message quotes."""
FEWEST_VALUES = 20
"""Checks that look at all values of a column together need at least this many values."""


class Purpose(Enum):
    """The purpose for which a table is read; it decides which faults are refused.

    TRAINING: every row needs a label and valid sequences. TEST: labels are optional; a faulty value
    is reported and read as missing, since every row must be predicted. TRUTH and PREDICTION: only
    ids and labels are read; predictions may be negative, since the score does not clip them.
    """

    TRAINING = "training"
    TEST = "test"
    TRUTH = "truth"
    PREDICTION = "prediction"


@dataclass
class Report:
    """Collects what is wrong with a table of n rows.

    Attributes
    ----------
    source : str
        The file's name.
    ids : Series of str, length n
        Its index says where the rows are in the file; it is named "line" or "row".
    strict : bool
        Whether a faulty value makes the table unusable; otherwise it is read as missing.
    decimal_comma : bool
        Whether numbers may have a comma in decimals.
    facts : Facts
        Answers questions about whole columns.
    messages : list of Message
        What was found, in a fixed order; where nothing was found, the message is empty.
    """

    source: str
    ids: pd.Series
    strict: bool = True
    decimal_comma: bool = False
    facts: Facts = field(default_factory=Facts)
    messages: list[Message] = field(default_factory=list)

    @property
    def notes(self) -> list[str]:
        """Notes for the user about a table that can be used."""
        return [text for one in self.messages if not one.fault and (text := one.text)]

    @property
    def faults(self) -> list[str]:
        """Reasons why the table cannot be used."""
        return [text for one in self.messages if one.fault and (text := one.text)]

    def add_fault(
        self, column: str, affected: np.ndarray | pd.Series, values: pd.Series, expectation: str
    ) -> None:
        """Add a fault that makes the table unusable for any purpose.

        Parameters
        ----------
        column : str
            The column's name in the file.
        affected : array of bool, shape (n,)
        values : Series of str, length n
        expectation : str
            What was expected and what to do.
        """
        self._add(True, column, affected, values, expectation)

    def add_fault_or_note(
        self,
        column: str,
        affected: np.ndarray | pd.Series,
        values: pd.Series,
        expectation: str,
        consequence: str = "read as missing",
    ) -> None:
        """Add a fault or, if `strict` is False, a note.

        The parameters are those of `add_fault`; `consequence` says how a value is read if not
        `strict`.
        """
        if self.strict:
            self.add_fault(column, affected, values, expectation)
        else:
            self.add_note(
                column, affected, values, f"{expectation}; {consequence}; the rows are predicted"
            )

    def add_note(
        self, column: str, affected: np.ndarray | pd.Series, values: pd.Series, expectation: str
    ) -> None:
        """Add a note about rows that are read unchanged; for the parameters see `add_fault`."""
        self._add(False, column, affected, values, expectation)

    def number(
        self,
        text: pd.Series,
        column: str,
        within: Callable[[np.ndarray], np.ndarray],
        expectation: str,
        factors: np.ndarray | None = None,
    ) -> np.ndarray:
        """Read a column of numbers, shape (n,); NaN where missing or faulty.

        Parameters
        ----------
        text : Series of str, length n
        column : str
            The column's name in the file.
        within : callable
            Function from finite numbers to booleans: which of them are acceptable.
        expectation : str
            A description of the numbers that `within` accepts.
        factors : array, shape (n,), optional
            What each number is multiplied by, because of its unit; NaN for an unknown unit, which
            the caller reports. Without factors, a cell with a unit is faulty.
        """
        read = self.numbers(text)
        value = read.values if factors is None else read.values * factors
        self.add_fault_or_note(
            column, read.thousands, text, "numbers have no thousands marks; write 1000, not 1,000"
        )
        self.add_fault_or_note(
            column,
            read.commas,
            text,
            "a point is needed in decimals, as in 12.5; commas only in files without commas "
            "between values",
        )
        finite = np.isfinite(value)
        if factors is None:
            finite &= (read.units == "").to_numpy(dtype=bool)
            unreadable = ~finite
        else:
            unreadable = ~np.isfinite(read.values)
        unreadable &= ~blank(text) & ~read.thousands & ~read.commas
        self.add_fault_or_note(column, unreadable, text, "a finite number is needed, as in 12.5")
        outside = finite & ~within(value)
        self.add_fault_or_note(column, outside, text, expectation)
        return np.where(finite & ~outside, value, np.nan)

    def numbers(self, text: pd.Series) -> Numbers:
        """Read cells as numbers with units; faults are not reported."""
        return read_numbers(text, self.decimal_comma, self.facts)

    def raise_if_bad(self) -> None:
        """Raise one SirnaError that lists every fault, if there is any."""
        if self.faults:
            raise SirnaError("\n".join(self.faults))

    def add_counted(
        self, write: Callable[[Message], str | None], counts: Sequence[int], example: str = ""
    ) -> None:
        """Add a note that is written from counts over all rows; see `Message`."""
        self.messages.append(Message(False, write, list(counts), example))

    def add_block(self, later: "Report") -> None:
        """Add the report on the next block of the same table."""
        if not self.messages:
            self.messages = later.messages
            return
        for message, following in zip(self.messages, later.messages, strict=True):
            message.add(following)

    def _add(
        self,
        fault: bool,
        column: str,
        affected: np.ndarray | pd.Series,
        values: pd.Series,
        expectation: str,
    ) -> None:
        where = np.flatnonzero(affected)
        place = self.ids.index.name or "row"
        lines = [
            f"  row id {self.ids.iloc[row]} ({place} {self.ids.index[row]}): "
            f"{_shown(values.iloc[row])}"
            for row in where[:MOST_ROWS_SHOWN]
        ]
        write = partial(rows_text, source=self.source, column=column)
        example = expectation if len(where) else ""
        self.messages.append(Message(fault, write, [len(where)], example, lines))


def _shown(value: object) -> str:
    text = value if isinstance(value, str) else ""
    return repr(text if len(text) <= LONGEST_SHOWN else text[: LONGEST_SHOWN - 3] + "...")
