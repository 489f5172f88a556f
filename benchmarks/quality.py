"""Compare the scores of several models on the same folds, in one table.

    python benchmarks/quality.py train_data.csv.gz --out quality [--protocols rows duplex target]
        [--models boosting default best] [--seeds 42 1042 2042] [--jobs 2] [--quick]
        [--article-epochs 5] [--set section.key=value]

Five folds of each protocol, out-of-fold predictions pooled:

- constant: 29.99 for every row;
- boosting: scikit-learn's histogram gradient boosting on position-wise tokens, conditions, site and
  duplex number (squared error); also "shifted": points just above 30 are moved below it;
- article: `configs/article.toml` with --article-epochs epochs (the article trains 50);
- default: the default configuration: in each fold one network, one Gaussian process and, under
  `target`, trees. There is one result for each seed, and one for its network alone;
- bare: the default, reading guide, passenger, chemistry and target alone, no dose, time, cell line,
  publication or number (first seed);
- best: `configs/best.toml` with one network for each seed; the other families have the first seed.

Every shift, calibration and decision is fitted on other rows than those that it is scored on: all
held-out rows except the same half of the same fold. Predictions are stored in --out, and a second
start uses them (delete them after a change of the code). --models chooses among boosting, article,
default, bare and best (default: all); --set changes a setting. --quick uses a tenth of the rows,
two folds and two epochs, and the article's network (thirty times as large as ours) under `rows`
only: it takes minutes, and its scores mean nothing.
"""

import argparse
import json
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from baselines import ROUNDS, blocks, boosted, shifted
from bootstrap import gain
from rich.console import Console
from rich.table import Table as Grid
from trained import DataSource, TrainingJob, held_out, mixed_fold, table

from sirna.config.config import Config
from sirna.config.load import load_config, with_changes
from sirna.members.registry import config_for_table, families_for
from sirna.prediction.calibration import reliability
from sirna.prediction.histogram import Histogram
from sirna.prediction.mixture import HeldOut, mix_held_out
from sirna.prediction.postprocess import fit_postprocess
from sirna.prediction.score import competition_score
from sirna.protocols.protocol import PROTOCOLS
from sirna.protocols.similar import KnownGuides
from sirna.stages.evaluation import metrics, oof_table
from sirna.system.files import sha256
from sirna.table.splits import Split, make_split

CONFIGS = Path(__file__).parents[1] / "configs"
ARTICLE, BEST = CONFIGS / "article.toml", CONFIGS / "best.toml"
SeedsByFamily = dict[str, list[int]]
"""Family -> the seeds of its members."""
MODELS = ["boosting", "article", "default", "bare", "best"]
BARE = {
    "streams.passenger_bases": {"role": "passenger"},
    "siblings.lookup": False,
    "covariates.numeric": [],
    "covariates.categorical": ["target"],
    "gaussian_process.numeric": [],
    "gaussian_process.categorical": ["target"],
    "gaussian_process.series": ["site"],
}
"""Settings that read both strands and the target alone."""


def main() -> None:
    arguments = _arguments()
    arguments.out.mkdir(parents=True, exist_ok=True)
    results = {p: _protocol(p, arguments) for p in arguments.protocols}
    (arguments.out / "quality.json").write_text(json.dumps(results, indent=1))
    for protocol, result in results.items():
        _show(protocol, result)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("train", type=_file)
    parser.add_argument("--out", type=Path, default=Path("quality"))
    parser.add_argument("--protocols", nargs="+", choices=list(PROTOCOLS), default=list(PROTOCOLS))
    parser.add_argument("--seeds", nargs="+", type=int, default=[42, 1042, 2042])
    parser.add_argument("--models", nargs="+", choices=MODELS, default=MODELS)
    parser.add_argument("--article-epochs", type=int, default=5)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--set", action="append", default=[], dest="changes")
    parser.add_argument("--quick", action="store_true")
    return parser.parse_args()


def _file(name: str) -> Path:
    if not Path(name).is_file():
        raise argparse.ArgumentTypeError(f"{name}: no such file")
    return Path(name)


def _protocol(protocol: str, arguments: argparse.Namespace) -> dict[str, Any]:
    """Run every model under one protocol."""
    quick, seeds = arguments.quick, arguments.seeds[: 1 if arguments.quick else None]
    share, folds = (0.1, 2) if quick else (1.0, 5)
    flags = {"split.protocol": protocol, "split.folds": folds}

    def configured(path: Path | None, **changes: Any) -> Config:
        config = load_config(path, changes=arguments.changes, flags=flags)
        return with_changes(config, {"train.epochs": 2} if quick else changes)

    default = configured(None)
    data = DataSource(arguments.train.resolve(), sha256(arguments.train), share)
    rows = table(data, default.model_dump_json())
    default = config_for_table(default, rows)
    split = make_split(rows, default.split, str(arguments.train))
    truth = rows["label"].to_numpy()
    result: dict[str, Any] = {"rows": len(rows)}
    tables: dict[str, pd.DataFrame] = {}
    distributions: dict[str, list[dict[str, HeldOut]]] = {}

    def add_points(name: str, predicted: np.ndarray) -> None:
        frame = {"group": split.groups, "fold": split.fold, "half": split.half, "measured": truth}
        tables[name] = pd.DataFrame(frame).assign(predicted=predicted, median=predicted, setting=0)

    add_points("constant", np.full(len(rows), 29.99))
    if "boosting" in arguments.models:
        began = time.perf_counter()
        raw = boosted(rows, split, default, 20 if quick else ROUNDS[protocol])
        add_points("boosting", raw)
        add_points("boosting, shifted", shifted(raw, truth, split))
        result["boosting_seconds"] = round(time.perf_counter() - began)

    def add_model(name: str, path: Path | None, families: SeedsByFamily, **changes: Any) -> None:
        """Add a model: a mixture of members in every fold; `families` has the seeds of each."""
        config = config_for_table(configured(path, **changes), rows)
        training_job = TrainingJob(data, config, split, arguments.out, arguments.jobs)
        found = {one: held_out(training_job, one, of) for one, of in families.items()}
        parts = [
            mixed_fold(
                {
                    family: [parts[fold] for parts in of_seeds.values()]
                    for family, of_seeds in found.items()
                },
                novelty[fold],
            )
            for fold in range(len(split.folds))
        ]
        distributions[name] = parts
        tables[name] = oof_table(parts, rows, split, config)

    novelty = _novelty(rows, split)
    other_families = [family.family for family in families_for(default, unseen=False)]
    other_families.remove("network")
    if "article" in arguments.models and not (quick and protocol != "rows"):
        epochs = {"train.epochs": arguments.article_epochs}
        add_model("article", ARTICLE, {"network": seeds[:1]}, **epochs)
    if "default" in arguments.models:
        for seed in seeds:
            add_model(f"network alone, seed {seed}", None, {"network": [seed]})
            add_model(
                f"default, seed {seed}", None, {n: [seed] for n in ("network", *other_families)}
            )
    if "bare" in arguments.models:
        families = dict.fromkeys(("network", *other_families), seeds[:1])
        add_model(f"bare, seed {seeds[0]}", None, families, **({} if quick else BARE))
    if "best" in arguments.models:
        add_model("best", BEST, {"network": seeds} | dict.fromkeys(other_families, seeds[:1]))
    result["models"] = _compared(tables, default)
    for name in list(distributions)[-1:]:
        result["decision"] = {"of": name, **_decisions(distributions[name], rows, split, default)}
        result["reliability"] = _reliability(distributions[name], truth, split, default)
    return result


def _novelty(rows: pd.DataFrame, split: Split) -> list[np.ndarray]:
    """Return how new the guides of each fold's held-out rows are."""
    held = [split.fold == fold for fold in split.folds]
    return [KnownGuides(rows[~some]).novelty(rows[some]) for some in held]


def _compared(tables: dict[str, pd.DataFrame], config: Config) -> dict[str, Any]:
    """Return every model's figures and, if boosting was run, its gain over shifted boosting."""
    models = {name: _figures(predicted, config) for name, predicted in tables.items()}
    if "boosting" in tables:
        for name, predicted in tables.items():
            models[name]["over_boosting"] = gain(predicted, tables["boosting, shifted"])
    return models


def _figures(table: pd.DataFrame, config: Config) -> dict[str, Any]:
    if "interval_low" not in table:
        table = table.assign(interval_low=np.nan, interval_high=np.nan)
    figures = metrics(table, config)
    keep = ("pooled", "mean", "sd", "pearson", "interval_coverage")
    return {key: figures[key] for key in keep}


def _decisions(
    held: list[dict[str, HeldOut]], rows: pd.DataFrame, split: Split, config: Config
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
    moved = shifted(median["predicted"].to_numpy(), median["measured"].to_numpy(), split)
    scores["median, shifted"] = competition_score(median["measured"], moved).score
    raw = tables["score, uncalibrated"]
    inside = (raw["measured"] >= raw["interval_low"]) & (raw["measured"] <= raw["interval_high"])
    scores["coverage, uncalibrated"] = float(inside.mean())
    return scores


def _reliability(
    held: list[dict[str, HeldOut]], truth: np.ndarray, split: Split, config: Config
) -> list[dict[str, float]]:
    """Compare P(<30), calibrated on the other blocks, with the observed shares."""
    mixed = [mix_held_out(part, config) for part in held]
    whole = Histogram.stacked([part.chosen_by_other_half for part in mixed])
    positions = np.concatenate([part.positions for part in mixed])
    probs = np.empty_like(whole.probs)
    for block in blocks(split):
        in_block = block[positions]
        postprocess = fit_postprocess(whole[~in_block], truth[positions][~in_block], config)
        probs[in_block] = postprocess.calibration.apply(whole[in_block]).probs
    return reliability(Histogram(whole.edges, probs), truth[positions], config.score.threshold)


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
            text = "P(<30) {predicted:.3f}, observed {observed:.3f}, {rows} rows"
            console.print(text.format(**line))


if __name__ == "__main__":
    main()
