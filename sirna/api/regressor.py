"""`SiRNARegressor`: training and prediction by the rules of scikit-learn's estimators."""

import contextlib
import io
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, Self

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.utils.validation import check_is_fitted

from sirna.api.model import Model
from sirna.bundle.store import load_bundle
from sirna.config.load import load_config
from sirna.errors import UsageError
from sirna.prediction.score import competition_score
from sirna.stages.console import Console
from sirna.stages.train import train
from sirna.stages.train_request import TrainRequest
from sirna.table.units import to_remaining

Point = Literal["submitted", "median", "mean"]


class SiRNARegressor(RegressorMixin, BaseEstimator):  # type: ignore[misc]
    """Predict the effect of siRNAs from a data frame with the columns of a table of measurements.

    Training and prediction are those of `sirna train` and `sirna submit`; no file remains.

    Parameters
    ----------
    protocol : {"rows", "duplex", "target"}
        What is held out for calibration and for `metrics_`.
    settings : mapping of str to value, optional
        Settings by dotted key, such as ``{"train.epochs": 12, "columns.guide": "antisense"}``.
    seed : int
    point : {"submitted", "median", "mean"}
        What `predict` returns: the point with the best competition score, or one that ranks.
    device : str
    verbose : bool
        Whether to print what `sirna train` prints.

    Attributes
    ----------
    model_ : Model
    metrics_ : dict
        What `sirna train` writes to `metrics.json`: scores on held-out rows and more.
    feature_names_in_ : array of str
    n_features_in_ : int
    """

    def __init__(
        self,
        protocol: str = "rows",
        *,
        settings: Mapping[str, Any] | None = None,
        seed: int = 42,
        point: Point = "submitted",
        device: str = "cpu",
        verbose: bool = False,
    ) -> None:
        self.protocol = protocol
        self.settings = settings
        self.seed = seed
        self.point = point
        self.device = device
        self.verbose = verbose

    def fit(self, X: pd.DataFrame, y: ArrayLike | None = None) -> Self:  # noqa: N803
        """Train on n rows.

        Parameters
        ----------
        X : DataFrame of n rows
        y : array_like, shape (n,), optional
            The labels; default: the label column of `X`.

        Raises
        ------
        UsageError
            If `X` is not a data frame, if `y` has another length, or for an invalid setting.
        SirnaError
            For faulty rows, as in `sirna train`.
        """
        frame = _frame(X)
        flags = {"split.protocol": self.protocol, "train.seed": self.seed, "split.seed": self.seed}
        config = load_config(flags={**(self.settings or {}), **flags})
        label = config.columns["label"]
        if y is not None:
            values = np.asarray(y)
            if values.shape != (len(frame),):
                raise UsageError(
                    f"y has the shape {values.shape}; {len(frame)} rows need ({len(frame)},)."
                )
            frame = frame.assign(**{label: values})
        with tempfile.TemporaryDirectory() as folder, self._output():
            path, run = Path(folder) / "train.csv", Path(folder) / "run"
            frame.to_csv(path, index=False)
            request = TrainRequest(path, config, run, device=self.device, report=False)
            self.metrics_ = train(request, Console()).metrics
            self.model_ = Model(load_bundle(run / "bundle"), self.device)
        features = [str(name) for name in frame.columns if name != label]
        self.feature_names_in_ = np.array(features, dtype=object)
        self.n_features_in_ = len(features)
        return self

    def predict(self, X: pd.DataFrame) -> np.ndarray:  # noqa: N803
        """Return the point of each of n rows, shape (n,), in the unit of the labels."""
        points: np.ndarray = self.predict_table(X)[self.point].to_numpy(dtype=np.float64)
        return points

    def predict_interval(self, X: pd.DataFrame) -> np.ndarray:  # noqa: N803
        """Return the ends of each row's interval (80 % by default), shape (n, 2)."""
        found = self.predict_table(X)
        ends = [name for name in found if str(name).startswith("interval_")]
        interval: np.ndarray = found[ends].to_numpy(dtype=np.float64)
        return interval

    def predict_table(self, X: pd.DataFrame) -> pd.DataFrame:  # noqa: N803
        """Return all that is predicted for n rows; see `Model.predict`."""
        check_is_fitted(self, "model_")
        return self.model_.predict(_frame(X))

    def score(self, X: pd.DataFrame, y: ArrayLike, sample_weight: None = None) -> float:  # noqa: N803
        """Return the competition score of the submitted points; higher is better."""
        if sample_weight is not None:
            raise UsageError("the competition score has no weights; leave sample_weight out.")
        config = self.model_.bundle.config
        points = self.predict_table(X)["submitted"].to_numpy(dtype=np.float64)
        truth = np.asarray(y, dtype=np.float64)
        measured, predicted = (to_remaining(values, config.label) for values in (truth, points))
        return competition_score(measured, predicted, config.score.threshold).score

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.two_d_array = False
        tags.input_tags.string = True
        tags.input_tags.allow_nan = True
        tags.no_validation = True
        return tags

    @contextlib.contextmanager
    def _output(self) -> Any:
        """Print the training's lines, or keep silent."""
        if self.verbose:
            yield
            return
        silent = io.StringIO()
        with contextlib.redirect_stdout(silent), contextlib.redirect_stderr(silent):
            yield


def _frame(table: Any) -> pd.DataFrame:
    if not isinstance(table, pd.DataFrame):
        raise UsageError(
            f"a pandas DataFrame with named columns is needed, not {type(table).__name__}."
        )
    if not len(table):
        raise UsageError("the data frame has no rows; at least one is needed.")
    return table
