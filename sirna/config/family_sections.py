"""The sections of all families but the network, with every hyperparameter and its default."""

from typing import Annotated

from pydantic import AfterValidator, Field

from sirna.config.fields import (
    CategoricalRoles,
    Large,
    LearningRate,
    NumericRoles,
    Section,
    SeriesRoles,
    Small,
    Width,
)
from sirna.config.roles import TARGET_NAMES, read_by
from sirna.config.schema import CovariatesConfig


class ConditionsConfig(Section):
    """The conditions and series that Gaussian process or trees read, in addition to sequences."""

    numeric: NumericRoles
    categorical: CategoricalRoles
    series: SeriesRoles = Field(description="series in which similar places share effects")

    @property
    def conditions(self) -> CovariatesConfig:
        """The conditions, without the series."""
        return CovariatesConfig(numeric=self.numeric, categorical=self.categorical)


class GaussianProcessConfig(ConditionsConfig):
    """The Gaussian process."""

    numeric: NumericRoles = read_by("gaussian_process", "numeric")
    categorical: CategoricalRoles = read_by("gaussian_process", "category")
    series: SeriesRoles = read_by("gaussian_process", "series")
    components: int = Field(4, ge=1, le=100)
    duplexes_per_component: int = Field(
        250, ge=1, le=1_000_000, description="distinct duplexes that a further component needs"
    )
    steps: Large = 150
    step_rows: Width = 800
    learning_rate: LearningRate = 0.05
    most_rows: int = Field(
        25_000, ge=1, le=1_000_000, description="largest number of training rows; else a sample"
    )


def _nameless(roles: tuple[str, ...]) -> tuple[str, ...]:
    for role in roles:
        if role in TARGET_NAMES:
            raise ValueError(f"{role!r} is new in every row of an unseen target; leave it out")
    return roles


class TreesConfig(ConditionsConfig):
    """Gradient-boosted trees, for rows of unseen targets."""

    numeric: NumericRoles = read_by("trees", "numeric")
    categorical: Annotated[CategoricalRoles, AfterValidator(_nameless)] = read_by(
        "trees", "category"
    )
    series: SeriesRoles = read_by("trees", "series")
    rounds: Width = 150
    learning_rate: LearningRate = 0.08
    leaves: int = Field(31, ge=2, le=100_000)
    features: float = Field(0.3, gt=0.0, le=1.0, description="share that a node chooses among")
    ensembles: int = Field(
        3, ge=1, le=1000, description="fits with different seeds, which are averaged"
    )
    folds: int = Field(
        5, ge=2, le=1000, description="folds of whole targets, to measure the errors"
    )


class WordsConfig(Section):
    """What is common to the families that count words; see `features.words`."""

    numeric: NumericRoles = read_by("gaussian_process", "numeric")
    categorical: CategoricalRoles = read_by("gaussian_process", "category")
    most_rows: int = Field(
        3500, ge=0, le=20_000, description="larger tables do without this family"
    )

    @property
    def conditions(self) -> CovariatesConfig:
        """The conditions."""
        return CovariatesConfig(numeric=self.numeric, categorical=self.categorical)


class WordProcessConfig(WordsConfig):
    """The Gaussian process on counts of short words, for small tables."""

    steps: Large = 50
    step_rows: int = Field(800, ge=1, le=5000)
    learning_rate: LearningRate = 0.1


class RandomForestConfig(WordsConfig):
    """The random forest on counts of short words, for small tables."""

    trees: Small = 200
    leaves: int = Field(256, ge=2, le=100_000)
    least_rows: Small = Field(2, description="least number of rows of a leaf")
    features: float = Field(0.33, gt=0.0, le=1.0, description="share that a node chooses among")
    folds: int = Field(3, ge=2, le=1000, description="folds of groups, to measure the errors")
