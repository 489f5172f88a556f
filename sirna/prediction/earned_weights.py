"""Learn the weights of the families from held-out predictions.

The weights maximise the likelihood that the mixture gives to the labels of held-out rows, by
expectation-maximisation (Dempster, Laird & Rubin 1977). All rows of one group together count as
one row. A prior counts as much as some groups and holds the weights near where they start, so that
few groups change them little.
"""

from collections.abc import Collection, Mapping, Sequence

import numpy as np

from sirna.config.config import Config
from sirna.config.load import with_changes
from sirna.prediction.histogram import LEAST_BIN_MASS, Histogram, bin_of
from sirna.prediction.mixture import HeldOut, family_weights

STEPS = 200
LEAST_WEIGHT = 0.04
"""A family whose weight is lower gets none: it would cost its training and change little."""

Parts = Sequence[Mapping[str, HeldOut]]
"""For each fold, what every family predicts for its held-out rows."""


class Likelihoods:
    """The likelihoods that the families give to the labels of held-out rows.

    Parameters
    ----------
    parts : Parts
        Folds that lack a family (after a stop) are left out.
    labels : array, shape (m,)
        Labels of all rows of the table.
    groups : array, shape (m,)
        Groups of all rows.
    config : Config
    unseen : bool
        Whether the weights for rows of unseen targets are learned. Default: those for the rows that
        the run is scored on.
    """

    def __init__(
        self,
        parts: Parts,
        labels: np.ndarray,
        groups: np.ndarray,
        config: Config,
        unseen: bool = False,
    ) -> None:
        self._config = config
        self._unseen = unseen or config.protocol.every_target_is_unseen
        present = {family for part in parts for family in part}
        self._start = family_weights(config, self._unseen, present)
        whole = [part for part in parts if self._start.keys() <= part.keys()]
        positions = [next(iter(part.values())).positions for part in whole]
        self.positions = np.concatenate([np.zeros(0, dtype=np.int64), *positions])
        self._groups = groups[self.positions]
        self._kinds = []
        for kind in range(3):
            rows = [
                _likelihoods([part[family].parts[kind] for family in self._start], labels[where])
                for part, where in zip(whole, positions, strict=True)
            ]
            self._kinds.append(np.concatenate([np.zeros((0, len(self._start))), *rows]))

    def for_scoring(self, fold: np.ndarray, half: np.ndarray, scored: tuple[int, int]) -> Config:
        """Return the configuration with weights that are learned without the scored rows.

        Parameters
        ----------
        fold, half : arrays of int, shape (m,)
            Of all rows of the table.
        scored : (int, int)
            The fold and half that will be scored. The other half of this fold is read as its own
            half chose it, so that the scored rows have no influence.
        """
        by_other_half, by_own_half, _ = self._kinds
        folds, halves = fold[self.positions], half[self.positions]
        same = (folds == scored[0])[:, None]
        kept = (folds != scored[0]) | (halves != scored[1])
        return self._learned(np.where(same, by_own_half, by_other_half)[kept], kept)

    def for_bundle(self) -> Config:
        """Return the configuration with weights that are learned from all held-out rows."""
        return self._learned(self._kinds[2], np.ones(len(self.positions), dtype=bool))

    def _learned(self, likelihoods: np.ndarray, kept: np.ndarray) -> Config:
        if not self._config.mixture.learn or not len(likelihoods):
            return self._config
        _, group = np.unique(self._groups[kept], return_inverse=True)
        importance = 1.0 / np.bincount(group)[group]
        start = np.array(list(self._start.values()))
        weights = learned_weights(likelihoods, importance, start, self._config.mixture.prior)
        found = dict(zip(self._start, weights.tolist(), strict=True))
        return with_weights(self._config, found, self._unseen)


def learn_unseen_weights(
    left_out: Parts,
    labels: np.ndarray,
    targets: np.ndarray,
    families: Collection[str],
    config: Config,
) -> Config:
    """Return the configuration with weights for rows of unseen targets, if they are learned.

    A family that cannot predict training rows without their targets keeps its weight, unless it
    earned less for rows of known targets. The others share the rest.

    Parameters
    ----------
    left_out : Parts
        Training rows, predicted without the rows of their targets.
    labels, targets : arrays, shape (m,)
        Of all rows of the table.
    families : collection of str
        Those of the bundle.
    config : Config
    """
    if not config.mixture.learn:
        return config
    start, known = (family_weights(config, unseen, families) for unseen in (True, False))
    kept = {k: min(w, known.get(k, w)) for k, w in start.items() if k not in left_out[0]}
    likelihoods = Likelihoods(left_out, labels, targets, config, unseen=True)
    learned = likelihoods.for_bundle().mixture.unseen_target
    rest = {k: learned[k] * (1 - sum(kept.values())) for k in left_out[0]}
    return with_weights(config, kept | rest, unseen=True)


def with_weights(config: Config, weights: Mapping[str, float], unseen: bool) -> Config:
    """Return the configuration with other weights for rows of known or of unseen targets."""
    kind = "unseen_target" if unseen else "known_target"
    nothing = dict.fromkeys(getattr(config.mixture, kind), 0.0)
    changes = {f"mixture.{kind}.{k}": w for k, w in (nothing | {**weights}).items()}
    return with_changes(config, changes | {"mixture.learn": config.mixture.learn})


def learned_weights(
    likelihoods: np.ndarray, importance: np.ndarray, start: np.ndarray, prior: float
) -> np.ndarray:
    """Maximise the likelihood of a mixture, with a Dirichlet prior around the start.

    Parameters
    ----------
    likelihoods : array, shape (n, k)
        Of n rows under k families.
    importance : array, shape (n,)
        How many rows each row counts as.
    start : array, shape (k,)
        Weights that add up to 1.
    prior : float
        The start counts as much as so many rows.

    Returns
    -------
    array, shape (k,)
        Weights that add up to 1; those below `LEAST_WEIGHT` are 0.
    """
    weights = start.copy()
    for _ in range(STEPS):
        shares = likelihoods * weights
        shares /= np.maximum(shares.sum(axis=1, keepdims=True), LEAST_BIN_MASS**2)
        weights = importance @ shares + prior * start
        weights /= weights.sum()
    weights[weights < LEAST_WEIGHT] = 0.0
    found: np.ndarray = weights / weights.sum()
    return found


def _likelihoods(predicted: Sequence[Histogram], labels: np.ndarray) -> np.ndarray:
    """Return the probability, by each prediction, of the bin that each label falls into.

    All predictions are compared in the same bins. Shape (n, predictions).
    """
    edges = np.unique(np.concatenate([one.edges for one in predicted]))
    bins, rows = bin_of(edges, labels), np.arange(len(labels))
    return np.stack([one.rebinned(edges).probs[rows, bins] for one in predicted], axis=1)
