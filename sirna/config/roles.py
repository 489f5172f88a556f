"""The roles that columns play in a table of measurements; each is one entry of `ROLES`.

To add a condition, add one entry here; in `configs/default.toml` add its column, and its name in
each section that reads it. Reading, checking, encoding and storing need no further code.
"""

from dataclasses import dataclass
from typing import Literal

RoleKind = Literal["id", "bases", "tokens", "category", "numeric", "series", "text", "label"]
Reader = Literal["network", "gaussian_process", "trees"]

ALL_FAMILIES: tuple[Reader, ...] = ("network", "gaussian_process", "trees")
FAMILIES_THAT_READ_NAMES: tuple[Reader, ...] = ("network", "gaussian_process")
GAUSSIAN_PROCESS_AND_TREES: tuple[Reader, ...] = ("gaussian_process", "trees")


@dataclass(frozen=True)
class Role:
    """What one column of the table means.

    Attributes
    ----------
    name : str
        The column's name in the checked table, and its key under `[columns]`.
    kind : str
        - "id": names the row
        - "bases": a strand as plain bases
        - "tokens": a strand as a list of modification tokens
        - "category": a condition with distinct values
        - "numeric": a condition measured on a scale
        - "series": the row's place in a series; rows at similar places share effects
        - "text": used only to derive other roles
        - "label": the measured value
    column : str
        The column's name in the competition's files; empty for a role that is derived.
    read_by : tuple of str
        The families that read it by default, as a condition or a series.
    derived_from : tuple of str
        The roles that it is computed from when the table is read.
    limits : (float, float), optional
        The least and the greatest value of a number.
    log : bool
        Whether a number is encoded as its logarithm.
    names_target : bool
        Whether it names the target or the publication of the row.
    """

    name: str
    kind: RoleKind
    column: str = ""
    read_by: tuple[Reader, ...] = ()
    derived_from: tuple[str, ...] = ()
    limits: tuple[float, float] | None = None
    log: bool = False
    names_target: bool = False


_ALL = (
    Role("id", "id", "id"),
    Role("guide", "bases", "siRNA_antisense_seq"),
    Role("passenger", "bases", "siRNA_sense_seq"),
    Role("guide_modifications", "tokens", "modified_siRNA_antisense_seq_list"),
    Role("passenger_modifications", "tokens", "modified_siRNA_sense_seq_list"),
    Role("duplex", "text", "siRNA_duplex_id"),
    Role("cell_line", "category", "cell_line_donor", ALL_FAMILIES),
    Role("transfection", "category", "Transfection_method", ALL_FAMILIES),
    Role("species", "category", "gene_target_species", ALL_FAMILIES),
    Role(
        "target", "category", "gene_target_symbol_name", FAMILIES_THAT_READ_NAMES, names_target=True
    ),
    Role("publication", "category", "publication_id", FAMILIES_THAT_READ_NAMES, names_target=True),
    Role("dose", "numeric", "siRNA_concentration", ALL_FAMILIES, log=True),
    Role("dose_unit", "text", "concentration_unit"),
    Role("hours", "numeric", "Duration_after_transfection_h", ALL_FAMILIES, limits=(0.0, 10_000.0)),
    Role("transcript", "text", "gene_target_seq"),
    Role("label", "label", "mRNA_remaining_pct"),
    Role(
        "site", "series", read_by=GAUSSIAN_PROCESS_AND_TREES, derived_from=("guide", "transcript")
    ),
    Role("duplex_number", "series", read_by=GAUSSIAN_PROCESS_AND_TREES, derived_from=("duplex",)),
    Role("species_match", "category", read_by=("trees",), derived_from=("species", "cell_line")),
)

ROLES: dict[str, Role] = {role.name: role for role in _ALL}
"""Every role by its name, in the order in which conditions are encoded by default."""

BASES = tuple(role.name for role in _ALL if role.kind == "bases")
TOKENS = tuple(role.name for role in _ALL if role.kind == "tokens")
SEQUENCES = BASES + TOKENS
CATEGORIES = tuple(role.name for role in _ALL if role.kind == "category")
NUMERIC_ROLES = tuple(role.name for role in _ALL if role.kind == "numeric")
SERIES = tuple(role.name for role in _ALL if role.kind == "series")
NUMERIC_COVARIATES = NUMERIC_ROLES + SERIES
"""The roles that are allowed as numeric covariates."""
TARGET_NAMES = frozenset(role.name for role in _ALL if role.names_target)


def read_by(family: Reader, kind: RoleKind) -> tuple[str, ...]:
    """Return the roles of one kind that a family reads by default."""
    return tuple(role.name for role in _ALL if family in role.read_by and role.kind == kind)


def columns_needed(roles: set[str]) -> set[str]:
    """Return the roles of the columns that must be in a file for these roles to be read.

    A derived role needs what it is derived from; a dose needs its unit.
    """
    sources = {name: ROLES[name].derived_from or (name,) for name in roles}
    needed = {source for found in sources.values() for source in found}
    return needed | ({"dose_unit"} if "dose" in needed else set())
