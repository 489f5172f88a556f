"""How good are the predictions? Every model on the same folds, in one table.

    python benchmarks/quality.py train_data.csv.gz --out quality [--protocols rows duplex target]
        [--models boosting default best] [--seeds 42 1042 2042] [--jobs 2] [--quick]
        [--article-epochs 5] [--set section.key=value]

Five folds of each protocol, out-of-fold predictions pooled:

- constant: 29.99 everywhere;
- boosting: scikit-learn's histogram gradient boosting on position-wise tokens and conditions
  (absolute error), as it is and with predictions just above 30 moved below it;
- article: `configs/article.toml` with --article-epochs epochs (the article trains 50);
- default: the default configuration, one network a fold, each seed a row of its own;
- best: `configs/best.toml`: its members are the seeds given, averaged.

Every cut, shift, calibration and decision that scores a row was fitted on other rows: on all
held-out rows but those of the same half of the same fold. Networks are trained once and kept in
--out; a second start goes on where the first one stopped (delete it after a change of the code).
--models chooses among boosting, article, default and best; --set changes a key. --quick takes a
tenth of the rows, two folds and few epochs: minutes, and no figure to quote.
"""

import argparse
import hashlib
import json
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import cache
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from rich.console import Console
from rich.table import Table as Grid
from sklearn.ensemble import HistGradientBoostingRegressor

from sirna import __version__
from sirna.calibration import reliability
from sirna.config import Config, load_config, with_changes
from sirna.data.source import training_source
from sirna.data.splits import Split, make_split
from sirna.distribution import Histogram
from sirna.evaluate import HeldOut, fit_rule, metrics, oof_table
from sirna.files import sha256
from sirna.fit import fit, start
from sirna.folds import make_fold
from sirna.score import competition_score

CONFIGS = Path(__file__).parents[1] / "configs"
ROUNDS = {"rows": 1500, "duplex": 600, "target": 150}
"""Boosting rounds: about where the score of each protocol stops rising."""
SHIFTS = np.arange(0.0, 25.0, 0.5)
RESAMPLES = 1000
PARTS = ("predicted", "own", "best")
"""Of `HeldOut`: the distributions of a fold's held-out rows."""


@dataclass(frozen=True)
class Network:
    """One network of one fold, to be trained or found in the cache."""

    train: Path
    digest: str
    config: str
    fold: int
    seed: int
    share: float
    folder: Path

    @property
    def path(self) -> Path:
        """The file with its held-out predictions."""
        key = hashlib.sha256(
            f"{self.digest} {self.config} {self.share} {__version__}".encode()
        ).hexdigest()[:12]
        return self.folder / f"{key}-{self.seed}-fold-{self.fold}.npz"


def main() -> None:
    arguments = _arguments()
    arguments.out.mkdir(parents=True, exist_ok=True)
    results = {p: _protocol(p, arguments) for p in arguments.protocols}
    (arguments.out / "quality.json").write_text(json.dumps(results, indent=1))
    for protocol, result in results.items():
        _show(protocol, result)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("train", type=Path)
    parser.add_argument("--out", type=Path, default=Path("quality"))
    parser.add_argument("--protocols", nargs="+", default=["rows", "duplex", "target"])
    parser.add_argument("--seeds", nargs="+", type=int, default=[42, 1042, 2042])
    parser.add_argument("--models", nargs="+", default=["boosting", "article", "default", "best"])
    parser.add_argument("--article-epochs", type=int, default=5)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--set", action="append", default=[], dest="changes")
    parser.add_argument("--quick", action="store_true")
    return parser.parse_args()


@cache
def _rows(train: Path, config: str, share: float) -> pd.DataFrame:
    """Read the table once in each process; a share of its rows, the same for everyone."""
    rows = training_source(train, Config.model_validate_json(config)).table.rows
    chosen = np.random.default_rng(0).random(len(rows)) < share
    return rows[chosen].reset_index(drop=True)


def _protocol(protocol: str, arguments: argparse.Namespace) -> dict[str, Any]:
    """Run every model under one protocol."""
    quick, seeds = arguments.quick, arguments.seeds[: 1 if arguments.quick else None]
    share, folds = (0.1, 2) if quick else (1.0, 5)
    flags = {"split.protocol": protocol, "split.folds": folds}

    def configured(path: Path | None, **changes: Any) -> Config:
        config = load_config(path, changes=arguments.changes, flags=flags)
        return with_changes(config, {"train.epochs": 2} if quick else changes)

    default = configured(None)
    rows = _rows(arguments.train, default.model_dump_json(), share)
    split = make_split(rows, default.split, str(arguments.train))
    truth = rows["label"].to_numpy()
    result: dict[str, Any] = {"rows": len(rows), "models": {}}
    tables: dict[str, pd.DataFrame] = {}
    distributions: dict[str, list[HeldOut]] = {}

    def points(name: str, predicted: np.ndarray) -> None:
        frame = {"group": split.groups, "fold": split.fold, "half": split.half, "measured": truth}
        tables[name] = pd.DataFrame(frame).assign(predicted=predicted)

    points("constant", np.full(len(rows), 29.99))
    if "boosting" in arguments.models:
        began = time.perf_counter()
        raw = _boosted(rows, split, default, 20 if quick else ROUNDS[protocol])
        points("boosting", raw)
        points("boosting, shifted", _shifted(raw, truth, split))
        result["boosting_seconds"] = round(time.perf_counter() - began)
    wanted = {
        "article": (
            configured(CONFIGS / "article.toml", **{"train.epochs": arguments.article_epochs}),
            seeds[:1],
        ),
        "default": (default, seeds),
        "best": (configured(CONFIGS / "best.toml"), seeds),
    }
    configs: dict[str, Config] = {}
    for name, (config, those) in wanted.items():
        if name not in arguments.models:
            continue
        one = with_changes(config, {"train.members": 1, "train.seed": 0})
        parts = _networks(arguments, one, split, those, share, truth)
        if name != "best":
            for seed in those:
                distributions[f"{name}, seed {seed}"] = parts[seed]
                configs[f"{name}, seed {seed}"] = config
        else:
            configs[name] = config
            distributions[name] = [
                HeldOut(
                    members[0].held,
                    *(
                        Histogram.mixture([getattr(member, part) for member in members])
                        for part in PARTS
                    ),
                )
                for members in zip(*parts.values(), strict=True)
            ]
    for name, held in distributions.items():
        tables[name] = oof_table(held, rows, split, configs[name])
    for name, table in tables.items():
        result["models"][name] = _figures(table, default)
        if "boosting" in tables:
            low, high = _bootstrap(table, tables["boosting, shifted"])
            result["models"][name]["over_boosting"] = [low, high]
    for name in list(distributions)[-1:]:
        result["decision"] = {"of": name, **_decisions(distributions[name], rows, split, default)}
        result["reliability"] = _reliability(distributions[name], truth, split, default)
    return result


def _networks(
    arguments: argparse.Namespace,
    config: Config,
    split: Split,
    seeds: list[int],
    share: float,
    truth: np.ndarray,
) -> dict[int, list[HeldOut]]:
    """Train what the cache lacks, in worker processes; return a list of folds for each seed."""
    text = config.model_dump_json()
    digest = sha256(arguments.train)
    units = [
        Network(
            arguments.train.resolve(), digest, text, fold, seed, share, arguments.out / "networks"
        )
        for seed in seeds
        for fold in split.folds
    ]
    missing = [unit for unit in units if not unit.path.exists()]
    if missing:
        context = get_context("spawn")
        with ProcessPoolExecutor(arguments.jobs, context, torch.set_num_threads, (1,)) as pool:
            for unit, seconds in zip(missing, pool.map(_train, missing), strict=True):
                told = f"{config.split.protocol} fold {unit.fold} seed {unit.seed}: {seconds:.0f} s"
                print(told, file=sys.stderr, flush=True)
    found: dict[int, list[HeldOut]] = {seed: [] for seed in seeds}
    for unit in units:
        with np.load(unit.path) as file:
            parts = [Histogram(file["edges"], file[key]) for key in PARTS]
        found[unit.seed].append(HeldOut(np.flatnonzero(split.fold == unit.fold), *parts))
    return found


def _train(unit: Network) -> float:
    """Train one network and keep what it predicts for its held-out rows."""
    config = Config.model_validate_json(unit.config)
    rows = _rows(unit.train, unit.config, unit.share)
    split = make_split(rows, config.split, str(unit.train))
    fold = make_fold(rows, split, unit.fold, config)
    device = torch.device("cpu")
    began = time.perf_counter()
    seed = unit.seed + unit.fold
    progress = start(fold.encoding, fold.train, config, seed, device)
    fit(progress, fold, config, seed, device)
    predicted, own = (progress.held_out(fold.half, own=own) for own in (False, True))
    unit.folder.mkdir(parents=True, exist_ok=True)
    draft = unit.path.with_suffix(".draft.npz")
    np.savez_compressed(
        draft,
        edges=predicted.edges,
        predicted=predicted.probs,
        own=own.probs,
        best=progress.best.probs,
    )
    draft.replace(unit.path)
    return time.perf_counter() - began


def _boosted(rows: pd.DataFrame, split: Split, config: Config, rounds: int) -> np.ndarray:
    """Fit boosting on each fold's training rows; return its held-out predictions, shape (n,)."""
    columns: list[np.ndarray] = []
    for role in ("guide_modifications", "passenger_modifications"):
        tokens = rows[role].fillna("").str.split(expand=True)
        columns += [pd.factorize(tokens[place])[0] for place in tokens]
    barred = {"target", "publication"} if config.split.protocol == "target" else set()
    for role in ("cell_line", "transfection", "species", "target", "publication"):
        if role not in barred:
            columns.append(pd.factorize(rows[role])[0])
    features = np.stack([*columns, np.log10(rows["dose"]), rows["hours"]], axis=1)
    truth, predicted = rows["label"].to_numpy(), np.empty(len(rows))
    for number in split.folds:
        held = split.fold == number
        model = HistGradientBoostingRegressor(
            loss="absolute_error", max_iter=rounds, learning_rate=0.08, random_state=0
        )
        predicted[held] = model.fit(features[~held], truth[~held]).predict(features[held])
    return predicted


def _blocks(split: Split) -> list[np.ndarray]:
    """Return the rows of each half of each fold."""
    return [
        (split.fold == number) & (split.half == half) for number in split.folds for half in (0, 1)
    ]


def _shifted(points: np.ndarray, truth: np.ndarray, split: Split) -> np.ndarray:
    """Move points just above 30 below it; how far is fitted on the other blocks."""
    moved = points.copy()

    def shift(values: np.ndarray, by: float) -> np.ndarray:
        return np.where((values >= 30) & (values < 30 + by), 29.9, values)

    for own in _blocks(split):
        scores = [competition_score(truth[~own], shift(points[~own], by)).score for by in SHIFTS]
        moved[own] = shift(points[own], SHIFTS[int(np.argmax(scores))])
    return moved


def _figures(table: pd.DataFrame, config: Config) -> dict[str, Any]:
    if "interval_low" not in table:
        table = table.assign(interval_low=np.nan, interval_high=np.nan)
    figures = metrics(table, config)
    keep = ("pooled", "mean", "sd", "pearson", "interval_coverage")
    return {key: figures[key] for key in keep}


def _bootstrap(one: pd.DataFrame, other: pd.DataFrame) -> tuple[float, float]:
    """Return the 95 % interval of the difference in score, groups of rows drawn together."""
    rng = np.random.default_rng(0)
    _, group = np.unique(one["group"].to_numpy().astype(str), return_inverse=True)
    order = np.argsort(group, kind="stable")
    ends = np.cumsum(np.bincount(group))
    members = np.split(order, ends[:-1])
    truth = one["measured"].to_numpy()
    predicted = [frame["predicted"].to_numpy() for frame in (one, other)]
    differences = []
    for _ in range(RESAMPLES):
        drawn = np.concatenate([members[i] for i in rng.integers(0, len(members), len(members))])
        scores = [competition_score(truth[drawn], points[drawn]).score for points in predicted]
        differences.append(scores[0] - scores[1])
    low, high = np.quantile(differences, [0.025, 0.975])
    return float(low), float(high)


def _decisions(
    held: list[HeldOut], rows: pd.DataFrame, split: Split, config: Config
) -> dict[str, float]:
    """Score one model's distributions under other decisions, and without calibration."""

    def score(**changes: Any) -> pd.DataFrame:
        changed = with_changes(config, {f"decision.{key}": v for key, v in changes.items()})
        return oof_table(held, rows, split, changed)

    tables = {
        "score": score(),
        "score, uncalibrated": score(calibrate=False),
        "median": score(kind="median"),
        "mean": score(kind="mean"),
    }
    scores = {
        name: competition_score(table["measured"], table["predicted"]).score
        for name, table in tables.items()
    }
    median = tables["median"]
    moved = _shifted(median["predicted"].to_numpy(), median["measured"].to_numpy(), split)
    scores["median, shifted"] = competition_score(median["measured"], moved).score
    raw = tables["score, uncalibrated"]
    inside = (raw["measured"] >= raw["interval_low"]) & (raw["measured"] <= raw["interval_high"])
    scores["coverage, uncalibrated"] = float(inside.mean())
    return scores


def _reliability(
    held: list[HeldOut], truth: np.ndarray, split: Split, config: Config
) -> list[dict[str, float]]:
    """Compare P(<30), calibrated on the other blocks, with what happened."""
    whole = Histogram.stacked([part.predicted for part in held])
    place = np.concatenate([part.held for part in held])
    probs = np.empty_like(whole.probs)
    for block in _blocks(split):
        own = block[place]
        calibration, _ = fit_rule(whole[~own], truth[place][~own], config)
        probs[own] = calibration.apply(whole[own]).probs
    return reliability(Histogram(whole.edges, probs), truth[place], config.score.threshold)


def _show(protocol: str, result: dict[str, Any]) -> None:
    grid = Grid(title=f"{protocol}: {result['rows']:,} rows")
    heads = ("model", "score", "MAE", "range-MAE", "F1", "Pearson", "80 % covers", "folds")
    for head in (*heads, "over shifted boosting (95 %)"):
        grid.add_column(head, justify="left" if head == "model" else "right")
    for name, figures in result["models"].items():
        pooled, pearson = figures["pooled"], figures["pearson"]
        over = figures.get("over_boosting")
        grid.add_row(
            name,
            f"{pooled['score']:.4f}",
            f"{pooled['mae']:.2f}",
            f"{pooled['range_mae']:.2f}",
            f"{pooled['f1']:.3f}",
            "" if pearson is None else f"{pearson:.3f}",
            f"{figures['interval_coverage']:.1%}" if figures["interval_coverage"] else "",
            f"{figures['mean']:.4f} ± {figures['sd']:.4f}",
            f"{over[0]:+.4f} to {over[1]:+.4f}" if over else "",
        )
    console = Console(width=150)
    console.print(grid)
    if "decision" in result:
        console.print({k: v if k == "of" else round(v, 4) for k, v in result["decision"].items()})
        for line in result["reliability"]:
            told = "P(<30) {predicted:.3f}, observed {observed:.3f}, {rows} rows"
            console.print(told.format(**line))


if __name__ == "__main__":
    main()
