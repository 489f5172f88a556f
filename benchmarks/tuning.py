"""Measure what `sirna tune` recommends, on the embedded data, and the noise of a trial.

    python benchmarks/tuning.py noise   --out tuning [--duplexes 1000] [--seeds 8]
    python benchmarks/tuning.py studies --out tuning [--studies 5] [--first 0] [--trials 50]
        [--jobs 2] [--spoiled] [--space FILE] [--trainings 3] [--set section.key=value]
    python benchmarks/tuning.py pruners --out tuning [--study NAME] [--studies 5] [--folds 3]

- noise: the standard deviation over training seeds of the default's score, as a trial of 0.2.0
  scored it (the network's best epoch on one split of 10 %) and as a trial scores it now (the
  mixture on three folds). Standard errors assume normal scores.
- studies: a study for each seed of the sampler, from --first on; then the recommended
  configuration and the one that the study began with are trained --trainings times and scored on
  the test rows, which took no part. With --spoiled, the study begins with settings that are far
  off (learning rate, dropouts, width, epochs), and the share of the gap to the shipped default
  that it wins back is printed.
- pruners: replay the folds of a study that was run without pruning (`pruner = "none"`) with each
  pruner: how many folds it would have saved, and how much worse the best trial that survives is.
  Without --study, the scores are drawn (see SPREADS).

Everything is stored under --out; a second start uses it. Times are those of one thread.
"""

import argparse
import hashlib
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import optuna
import pandas as pd

from sirna.bundle.store import load_bundle
from sirna.config.config import Config
from sirna.config.load import load_config, with_changes
from sirna.features.encoded_fold import encode_fold
from sirna.features.fold import FoldTask
from sirna.members.base import CPU, FitCallbacks
from sirna.members.network.fit import fit, start
from sirna.prediction.score import competition_score
from sirna.simulate.simulate import simulate
from sirna.stages.console import Console
from sirna.stages.train import train
from sirna.stages.train_request import TrainRequest
from sirna.stages.tune import tune
from sirna.stages.tune_workers import TuneRequest
from sirna.system.files import write_csv
from sirna.system.threads import one_thread
from sirna.table.check_table import check_table
from sirna.table.splits import make_split
from sirna.table.training_source import as_text, training_source
from sirna.tuning.default_space import DEFAULT_SEARCH
from sirna.tuning.fits import Fits
from sirna.tuning.objective import Work, judged_folds
from sirna.tuning.pruning import SameStepPruner
from sirna.tuning.rungs import search_rung
from sirna.tuning.space import load_search

SPOILED = {
    "train.learning_rate": 1e-3,
    "model.embedding_dropout": 0.0,
    "model.summary_dropout": 0.0,
    "model.head_dropout": 0.0,
    "model.hidden": 32,
    "train.epochs": 8,
}
SEED_STEP = 10_000
SPREADS = {"trial": 0.006, "fold": 0.006, "noise": 0.004}
"""Standard deviations of drawn scores: between trials, between folds, and of each score."""
LABEL = load_config().columns["label"]


def main() -> None:
    arguments = _arguments()
    arguments.out.mkdir(parents=True, exist_ok=True)
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    with one_thread():
        {"noise": noise, "studies": studies, "pruners": pruners}[arguments.what](arguments)


def _data(arguments: argparse.Namespace) -> tuple[Path, pd.DataFrame]:
    """Write the embedded training table; return its path and the test rows with their labels."""
    data = simulate(duplexes=arguments.duplexes) if arguments.duplexes else simulate()
    path = arguments.out / f"train_{len(data.train)}.csv"
    if not path.exists():
        write_csv(path, data.train)
    labels = data.truth.set_index("id")[LABEL]
    test = data.test.assign(**{LABEL: labels.loc[data.test["id"]].to_numpy()})
    return path, check_table(as_text(test), "test", load_config()).rows


def noise(arguments: argparse.Namespace) -> None:
    path, _ = _data(arguments)
    config = load_config(changes=arguments.set)
    rows = training_source(path, config).table.rows
    scores: dict[str, list[float]] = {"0.2.0": [], "now": []}
    seconds = dict.fromkeys(scores, 0.0)
    search = load_search(None, DEFAULT_SEARCH)
    fits = Fits(arguments.out / "noise", path.name)
    work = Work(rows, config, search, fits, CPU, lambda: False)
    for index in range(arguments.seeds):
        began = time.process_time()
        seeded = with_changes(config, {"train.seed": config.train.seed + index * SEED_STEP})
        split = make_split(rows, seeded.split, path.name)
        task = FoldTask(rows, split, 0, seeded)
        encoded = encode_fold(task)
        state = start(encoded, task.edges, seeded, task.seed, CPU)
        fit(state, encoded, seeded, task.seed, FitCallbacks())
        scores["0.2.0"].append(state.best.score)
        seconds["0.2.0"] += time.process_time() - began
        began = time.process_time()
        rung = search_rung(rows, config, search).reseeded(index * SEED_STEP)
        done = [work.predict(rung, config, fold) for fold in rung.split.folds]
        scores["now"].append(judged_folds([one for one in done if one is not None]).score)
        seconds["now"] += time.process_time() - began
        for name, values in scores.items():
            sd = float(np.std(values, ddof=1)) if len(values) > 1 else float("nan")
            error = sd / (2 * max(len(values) - 1, 1)) ** 0.5
            print(
                f"{len(rows)} rows, {name}: {len(values)} seeds, mean {np.mean(values):.4f}, "
                f"sd {sd:.4f} (standard error {error:.4f}), {seconds[name] / len(values):.0f} s of "
                "processor time each (now: 0 s if it was stored)",
                flush=True,
            )


def studies(arguments: argparse.Namespace) -> None:
    path, test = _data(arguments)
    shipped = load_config(changes=arguments.set)
    base = with_changes(shipped, SPOILED) if arguments.spoiled else shipped
    table = []
    for seed in range(arguments.first, arguments.first + arguments.studies):
        name = f"{'spoiled' if arguments.spoiled else 'default'}-{len(test)}-{seed}"
        space = arguments.out / f"{name}.toml"
        lines = [f"seed = {seed}", *_space_lines(arguments.space)]
        space.write_text("\n".join(lines))
        began = time.monotonic()
        outcome = tune(
            TuneRequest(
                path, base, space, name, arguments.trials, None, None, arguments.jobs, "cpu"
            ),
            Console(),
        )
        minutes = (time.monotonic() - began) / 60
        found = load_config(outcome.toml)
        scores = {
            label: [
                _trained(arguments, path, test, config, run) for run in range(arguments.trainings)
            ]
            for label, config in {"shipped": shipped, "start": base, "recommended": found}.items()
        }
        means = {label: float(np.mean(values)) for label, values in scores.items()}
        row: dict[str, Any] = {"study": name, "minutes": round(minutes, 1), **means}
        row["gain"] = means["recommended"] - means["start"]
        gap = means["shipped"] - means["start"]
        row["won back"] = row["gain"] / gap if arguments.spoiled and gap else None
        table.append(row)
        print(json.dumps(row), flush=True)
    print(pd.DataFrame(table).to_string(index=False))


def _space_lines(path: Path | None) -> list[str]:
    """Return the lines of a search without its seed; by default the shipped one."""
    path = path or Path(__file__).parents[1] / "configs" / "tune.toml"
    lines = path.read_text().splitlines()
    return [line for line in lines if not line.startswith("seed")]


def _trained(
    arguments: argparse.Namespace, path: Path, test: pd.DataFrame, config: Config, index: int
) -> float:
    """Return the score on the test rows after training with one seed; equal trainings once."""
    seeded = with_changes(
        config, {"train.seed": config.train.seed + (index + 1) * SEED_STEP, "data.train": ""}
    )
    settings = f"{path.name} {seeded.model_dump_json()}"
    key = hashlib.sha256(settings.encode()).hexdigest()[:16]
    stored = arguments.out / "scores.json"
    known = json.loads(stored.read_text()) if stored.exists() else {}
    if key not in known:
        folder = arguments.out / "trained" / key
        train(TrainRequest(path, seeded, folder, device="cpu", report=False), Console())
        points = load_bundle(folder / "bundle").predict(test, CPU).points
        truth = test["label"].to_numpy()
        known[key] = competition_score(truth, points, config.score.threshold).score
        stored.write_text(json.dumps(known))
    return float(known[key])


def pruners(arguments: argparse.Namespace) -> None:
    kinds: dict[str, Callable[[], optuna.pruners.BasePruner]] = {
        "median": lambda: optuna.pruners.MedianPruner(n_startup_trials=8),
        "wilcoxon, p 0.1": optuna.pruners.WilcoxonPruner,
        "wilcoxon, p 0.3": lambda: optuna.pruners.WilcoxonPruner(p_threshold=0.3),
        "same_step, keep 0.7": lambda: SameStepPruner(0.7, 8),
        "same_step, keep 0.5": lambda: SameStepPruner(0.5, 8),
        "same_step, keep 0.33": lambda: SameStepPruner(0.33, 8),
    }
    if arguments.study:
        storage = f"sqlite:///runs/tune/{arguments.study}/study.db"
        trials = optuna.load_study(study_name=arguments.study, storage=storage).get_trials()
        whole = [one.intermediate_values for one in trials if one.state.name == "COMPLETE"]
        cumulative = np.array([[one[step] for step in sorted(one)] for one in whole])
        counts = np.arange(1, cumulative.shape[1] + 1)
        folds = np.diff(cumulative * counts, axis=1, prepend=0.0)  # nearly: the score is no mean
        studies_of_folds = [folds]
    else:
        studies_of_folds = [_drawn(arguments, seed) for seed in range(arguments.studies)]
    for name, make in kinds.items():
        found = np.array([_replayed(each, make(), "wilcoxon" in name) for each in studies_of_folds])
        saved, lost = found.mean(axis=0)
        print(
            f"{name}: {saved:.0%} of the folds saved, {lost:.4f} lost on the best trial "
            f"({len(found)} studies of {len(studies_of_folds[0])} trials)",
            flush=True,
        )


def _drawn(arguments: argparse.Namespace, seed: int) -> np.ndarray:
    """Draw scores of trials on folds: trials differ, folds differ, and there is noise."""
    rng = np.random.default_rng(seed)
    trial = rng.normal(0.0, SPREADS["trial"], (arguments.trials, 1))
    fold = rng.normal(0.0, SPREADS["fold"], (1, arguments.folds))
    noise_of_each = rng.normal(0.0, SPREADS["noise"], (arguments.trials, arguments.folds))
    return np.asarray(0.83 + trial + fold + noise_of_each)


def _replayed(
    folds: np.ndarray, pruner: optuna.pruners.BasePruner, alone: bool
) -> tuple[float, float]:
    """Return the share of folds that a pruner saves, and what the best trial loses by it."""
    study = optuna.create_study(direction="maximize", pruner=pruner)
    done, best = 0, -np.inf
    for scores in folds:
        trial = study.ask()
        means = np.cumsum(scores) / np.arange(1, len(scores) + 1)
        for step in range(len(scores)):
            done += 1
            trial.report(float(scores[step] if alone else means[step]), step + 1)
            if step + 1 < len(scores) and trial.should_prune():
                study.tell(trial, state=optuna.trial.TrialState.PRUNED)
                break
        else:
            study.tell(trial, float(means[-1]))
            best = max(best, means[-1])
    return 1 - done / folds.size, float(folds.mean(axis=1).max() - best)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("what", choices=["noise", "studies", "pruners"])
    parser.add_argument("--out", type=Path, default=Path("tuning"))
    parser.add_argument("--duplexes", type=int)
    parser.add_argument("--seeds", type=int, default=8)
    parser.add_argument("--studies", type=int, default=5)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--trials", type=int, default=50)
    parser.add_argument("--trainings", type=int, default=3)
    parser.add_argument("--folds", type=int, default=3)
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--study", default="")
    parser.add_argument("--space", type=Path)
    parser.add_argument("--spoiled", action="store_true")
    parser.add_argument("--set", action="append", default=[])
    return parser.parse_args()


if __name__ == "__main__":
    main()
