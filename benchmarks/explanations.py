"""Compare what `sirna explain` finds with the rules of the embedded competition.

    sirna sample demo && cd demo && sirna train train_data.csv --run runs/demo
    python ../benchmarks/explanations.py --run runs/demo --rows 150

A cell is one chemistry or base at one place. Its explained effect is the mean over the rows that
have it; its true effect applies the rules of `sirna.simulate.efficacy` to the same substitutions.
The script prints rank correlations over cells with at least `--least` rows, and beside them how
large the true effects are, how far they are from the explained ones, and the rank correlation that
explained effects with errors of that size would have on average. With captum, it also compares
effects by substitution with integrated gradients; see gradients.py.
"""

import argparse
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pandas as pd

import sirna
from sirna.bundle.predict_table import read_rows
from sirna.explain.effects import effects
from sirna.explain.strand import Nucleotide, parsed
from sirna.notation.nucleotides import nucleotide
from sirna.simulate import efficacy
from sirna.simulate.simulate import simulate

SEQUENCES = ("guide", "guide_modifications", "passenger_modifications")
DELIVERY = ("cell_line", "transfection")
LEAST_EFFECT = 0.5
"""Points from which on a cell counts as acting."""
DRAWS = 200
"""Drawn errors from which the attainable rank correlation is estimated."""
FLOOR, CEILING = 11.0, 104.0
"""Mean percentages at a saturating dose and without effect; each target has its own."""
KIND_OF = {
    nucleotide(token)[1]: kind
    for kind, tokens in efficacy.NUCLEOTIDE_KINDS.items()
    for token in tokens.split()
}


def kind(one: Nucleotide) -> str:
    """The simulation's letter of a chemistry; tokens without a base are left out."""
    bare = next(token for token in one.tokens if nucleotide(token)[0])
    return KIND_OF[nucleotide(bare)[1]]


def written(one: Nucleotide) -> str:
    """The simulation's letter of a chemistry, and the tokens without a base beside it."""
    return " ".join(kind(one) if nucleotide(token)[0] else token for token in one.tokens)


def padded(strands: list[str]) -> np.ndarray:
    width = max(map(len, strands))
    letters = efficacy.letters([strand.ljust(width) for strand in strands])
    return np.where(letters == " ", "", letters)


def potency(rows: pd.DataFrame) -> np.ndarray:
    """The part of log10 EC50 that depends on bases and chemistry, with the opposite sign."""
    guide, passenger = (
        [parsed(text) for text in rows[f"{strand}_modifications"]]
        for strand in ("guide", "passenger")
    )
    first = [strand[0].tokens[0] for strand in guide]
    lead = np.array([token if token in {"VP", "P"} else "" for token in first])
    letters = padded(rows["guide"].tolist())
    passenger_kinds = padded(["".join(map(kind, s)) for s in passenger])
    found = efficacy.sequence_potency(letters, letters)
    found += efficacy.guide_chemistry(padded(["".join(map(kind, s)) for s in guide]), lead)
    found += efficacy.passenger_chemistry(passenger_kinds)
    return found - efficacy.delivery_log10_ec50(
        rows["cell_line"].tolist(),
        (rows["transfection"] == "Free uptake").to_numpy(),
        np.array(["L96" in text.split() for text in rows["passenger_modifications"]]),
        (passenger_kinds == "h").any(axis=1),
    )


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--run", type=Path, required=True)
    options.add_argument("--rows", type=int, default=150)
    options.add_argument("--least", type=int, default=15)
    given = options.parse_args()
    bundle = sirna.load(given.run).bundle
    simulation = simulate()
    rows = read_rows(bundle, simulation.test).rows
    truth = simulation.truth.assign(id=simulation.truth["id"].astype(str)).set_index("id")
    rows = rows.sample(min(given.rows, len(rows)), random_state=0).reset_index(drop=True)
    _, table = effects(bundle, rows)
    table = table[table["part"].str.contains(" ") & (table["weight"] > 0)]
    noise_free = truth.loc[rows["id"], "noise_free_pct"].to_numpy()[table["row"]]
    table = table.assign(true=true_differences(rows, table, noise_free))
    report(table, given.least)
    if find_spec("captum") is None:
        print("integrated gradients: install captum to compare (pip install -e '.[explain]')")
        return
    from gradients import agreement  # noqa: PLC0415 - needs captum

    print("\n".join(agreement(bundle, rows, LEAST_EFFECT)))


def true_differences(rows: pd.DataFrame, table: pd.DataFrame, noise_free: np.ndarray) -> np.ndarray:
    """The rules' difference between each row and its substitution, in percentage points."""
    before = rows[[*SEQUENCES, *DELIVERY]].iloc[table["row"]].reset_index(drop=True)
    after = pd.DataFrame(list(table["changes"])).reindex(columns=before.columns)
    after = after.where(after.notna(), before)
    gain = potency(before) - potency(after)
    share = np.clip((CEILING - noise_free) / (CEILING - FLOOR), 0.01, 0.99)
    logit = np.log10(share / (1 - share)) - efficacy.HILL_SLOPE * gain
    return -(CEILING - FLOOR) * (share - 1 / (1 + 10.0**-logit))


def report(table: pd.DataFrame, least: int) -> None:
    """Print how explained and true effects of cells agree, for all and by part."""
    values = table.assign(
        value=[
            text if part == "guide base" else written(parsed(text)[0])
            for part, text in zip(table["part"], table["stands"], strict=True)
        ],
    )
    for name, some in [("all", values), *values.groupby("part")]:
        cells = of_cells(some)
        cells = cells[cells["rows"] >= least]
        true, error = cells["true"], cells["explained"] - cells["true"]
        acting = cells[true.abs() > LEAST_EFFECT]
        attainable = attainable_correlation(true.to_numpy(), float(error.std()))
        print(
            f"{name}: {len(cells)} cells, {len(acting)} of them with a true effect above "
            f"{LEAST_EFFECT} points\n"
            f"  rank correlation {spearman(cells):.3f}, weighted by rows {weighted(cells):.3f}, of "
            f"the acting cells {spearman(acting):.3f}; of single substitutions "
            f"{some['difference'].corr(some['true'], method='spearman'):.3f}\n"
            f"  in points: sd of the true effects {true.std():.2f}, sd of explained minus true "
            f"{error.std():.2f}, median standard error of a cell {cells['error'].median():.2f}; "
            f"errors of this size leave a rank correlation of {attainable:.2f} on average"
        )


def of_cells(table: pd.DataFrame) -> pd.DataFrame:
    """Return rows, explained and true effect, and the standard error of the former, by cell."""
    found = {}
    for key, part in table.groupby(["part", "position", "value"]):
        weights = part["weight"]
        weighted_parts = (
            part[["difference", "true"]].mul(weights, axis=0).groupby(part["row"]).sum()
        )
        of_rows = weighted_parts.div(weights.groupby(part["row"]).sum(), axis=0)
        found[key] = (
            len(of_rows),
            np.average(part["difference"], weights=weights),
            np.average(part["true"], weights=weights),
            of_rows["difference"].std() / np.sqrt(len(of_rows)),
        )
    return pd.DataFrame(found, index=["rows", "explained", "true", "error"]).T


def spearman(cells: pd.DataFrame) -> float:
    return cells["explained"].corr(cells["true"], method="spearman")


def weighted(cells: pd.DataFrame) -> float:
    """The rank correlation in which a cell counts as often as it has rows."""
    ranks = cells[["explained", "true"]].rank()
    covariance = np.cov(ranks.T, aweights=cells["rows"])
    return float(covariance[0, 1] / np.sqrt(covariance[0, 0] * covariance[1, 1]))


def attainable_correlation(true: np.ndarray, error: float) -> float:
    """The mean rank correlation of true effects with themselves plus normal errors."""
    rng = np.random.default_rng(0)
    drawn = true + rng.normal(0.0, error, (DRAWS, len(true)))
    ranks = pd.Series(true).rank()
    return float(np.mean([pd.Series(one).rank().corr(ranks) for one in drawn]))


if __name__ == "__main__":
    main()
