"""The search space: read from TOML, and checked against the limits of the configuration."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, Self, cast

from optuna import Trial
from pydantic import Field, Strict, ValidationError, model_validator

from sirna.config.config import Config
from sirna.config.fields import LARGEST_SEED, Section
from sirna.config.leaves import leaves_of
from sirna.config.load import describe_faults, with_changes
from sirna.config.toml_text import read_toml
from sirna.errors import UsageError, suggestion
from sirna.members.registry import FAMILIES, families_for
from sirna.system.limits import quoted

Value = bool | int | float | str
Values = Annotated[tuple[Value, ...], Strict(False), Field(max_length=1000)]


class Parameter(Section):
    """One key of the configuration that varies.

    `when` makes it conditional: it maps another key of the space to the values for which this key
    varies.
    """

    kind: Literal["float", "int", "choice"]
    low: float | None = Field(None, ge=-1e15, le=1e15)
    high: float | None = Field(None, ge=-1e15, le=1e15)
    log: bool = False
    choices: Values = ()
    when: dict[str, Values] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if self.kind == "choice":
            if len(self.choices) < 2 or self.low is not None or self.high is not None or self.log:
                raise ValueError("a choice needs two or more choices, and no low, high or log")
        elif self.choices or self.low is None or self.high is None:
            raise ValueError("a float or int needs low and high, and no choices")
        elif not self.low < self.high:
            raise ValueError(f"low {self.low:g} is not below high {self.high:g}")
        elif self.log and self.low <= 0:
            raise ValueError(f"on a log scale low must be above 0, not {self.low:g}")
        elif self.kind == "int" and not (self.low.is_integer() and self.high.is_integer()):
            raise ValueError("low and high of an int must be whole numbers")
        return self

    @property
    def extremes(self) -> tuple[Value, ...]:
        """The extreme values; if the configuration accepts them, it accepts all others."""
        return self.choices if self.kind == "choice" else self._bounds

    @property
    def _bounds(self) -> tuple[int, int] | tuple[float, float]:
        low, high = self.low or 0.0, self.high or 0.0
        return (int(low), int(high)) if self.kind == "int" else (low, high)

    def contains(self, value: Any) -> bool:
        """Return whether a value lies within the range."""
        if self.kind == "choice":
            return value in self.choices
        low, high = self._bounds
        return isinstance(value, int | float) and low <= value <= high

    def suggest(self, trial: Trial, key: str) -> Value:
        """Draw a value for a trial."""
        if self.kind == "choice":
            return cast("Value", trial.suggest_categorical(key, self.choices))
        low, high = self._bounds
        if self.kind == "int":
            return trial.suggest_int(key, int(low), int(high), log=self.log)
        return trial.suggest_float(key, float(low), float(high), log=self.log)


FIXED_KEYS = (
    *("data.", "columns.", "label.", "tokens.", "score.", "split.", "train.seed"),
    *("train.networks", "train.refit", "train.patience", "train.score_window"),
    *("train.fewest_duplexes", "small_network."),
    *("mixture.", "decision.unseen_targets", "decision.new_study", "predict."),
)
"""Keys that cannot vary. Data, folds and seeds are the same for all trials, which choose their
weights themselves; a trial trains one network in each fold, once, to its last epoch."""


class SearchConfig(Section):
    """How to search: sampler, pruner and space."""

    sampler: Literal["tpe", "gp", "random"] = "tpe"
    pruner: Literal["same_step", "median", "wilcoxon", "none"] = "same_step"
    keep: float = Field(
        0.33, gt=0.0, le=1.0, description="share of the trials that go on after a step (same_step)"
    )
    startup_trials: int = Field(
        8, ge=1, le=100_000, description="trials before sampler and pruner use the results"
    )
    folds: int = Field(
        3, ge=2, le=100, description="folds, if the configuration has a single split"
    )
    screening_rows: int = Field(
        6000, ge=100, le=10**9, description="the search uses so many rows of larger tables"
    )
    screening_epochs: float = Field(
        0.5, gt=0.0, le=1.0, description="share of the epochs in the search of such tables"
    )
    repeats: int = Field(3, ge=1, le=100, description="trainings of the default, to tell the noise")
    candidates: int = Field(3, ge=1, le=100, description="trials that are confirmed")
    confidence: float = Field(
        0.9, ge=0.5, lt=1.0, description="with which a trial must beat the default"
    )
    seed: int = Field(42, ge=0, le=LARGEST_SEED)
    space: dict[str, Parameter] = Field(min_length=1, max_length=1000)

    def suggest(self, trial: Trial) -> dict[str, Value]:
        """Draw a value for every key whose condition is met; dotted key -> value."""
        drawn: dict[str, Value] = {}
        waiting = dict(self.space)
        while waiting:
            ready = {key: p for key, p in waiting.items() if not p.when.keys() & waiting.keys()}
            for key, parameter in ready.items():
                del waiting[key]
                if all(drawn.get(other) in allowed for other, allowed in parameter.when.items()):
                    drawn[key] = parameter.suggest(trial, key)
        return drawn

    def check(self, config: Config, source: str) -> None:
        """Check before the first trial that the configuration accepts the ends of every range.

        Raises
        ------
        UsageError
            If a key is unknown, the configuration refuses a value, a condition is circular or
            depends on a key that does not vary, or a default is outside its range.
        """
        current = leaves_of(config)
        for key, parameter in self.space.items():
            where = f"{source}: space key {quoted(key)}"
            if key not in current:
                raise UsageError(
                    f"{where} is not a configuration key{suggestion(key[:100], current)}"
                )
            if key.startswith(FIXED_KEYS):
                raise UsageError(f"{where} cannot vary between trials; leave it out")
            for value in parameter.extremes:
                try:
                    with_changes(config, {key: value})
                except UsageError as error:
                    raise UsageError(
                        f"{where} includes {value!r}, which is refused: {error}"
                    ) from None
            self._check_condition(key, parameter, where)
            if not parameter.contains(current[key]):
                raise UsageError(
                    f"{where} leaves out the default {current[key]!r}, which is the first trial; "
                    "widen the range or change the default with --set."
                )

    def for_table(self, config: Config) -> tuple[Self, list[str]]:
        """Leave out keys that only families read that predict no held-out row.

        Parameters
        ----------
        config : Config
            With the weights for the table; see `config_for_table`.

        Returns
        -------
        SearchConfig, list of str
            The search, and the keys that were left out.

        Raises
        ------
        UsageError
            If no key is left.
        """
        fitted = [one.family for one in families_for(config, unseen=False)]
        of = {name: one for one in FAMILIES.values() for name in (one.family, *one.sections)}
        idle = [
            key
            for key in self.space
            if (family := of.get(key.partition(".")[0])) and family.family not in fitted
        ]
        space = {key: one for key, one in self.space.items() if key not in idle}
        if not space:
            raise UsageError(
                f"no key of the space affects the score of a trial: held-out rows are predicted by "
                f"{', '.join(fitted)} only; give a space with their keys (--space)."
            )
        return self.model_copy(update={"space": space}), idle

    def _check_condition(self, key: str, parameter: Parameter, where: str) -> None:
        for other in parameter.when:
            if other not in self.space:
                near = suggestion(other, self.space)
                raise UsageError(f"{where} depends on {other!r}, which does not vary{near}")
        seen, waiting = {key}, list(parameter.when)
        while waiting:
            other = waiting.pop()
            if other in seen:
                raise UsageError(f"{where} depends on itself")
            waiting += self.space[other].when

    def defaults(self, config: Config) -> dict[str, Value]:
        """Return the configuration's values of the keys that vary."""
        current = leaves_of(config)
        return {
            key: current[key]
            for key, parameter in self.space.items()
            if all(current[other] in allowed for other, allowed in parameter.when.items())
        }


def load_search(path: Path | None, default: Mapping[str, Any]) -> SearchConfig:
    """Read a search from a TOML file; without one, return the built-in search.

    Raises
    ------
    UsageError
        For an unreadable file or invalid parameters; the message lists all faults.
    """
    source = str(path) if path else "the built-in space"
    try:
        raw = read_toml(path) if path else dict(default)
        return SearchConfig.model_validate(raw)
    except ValidationError as error:
        raise UsageError(f"{source}: {describe_faults(error, SearchConfig)}") from error
