"""Compare what `sirna explain` finds with the rules of the embedded competition.

    sirna sample demo && cd demo && sirna train train_data.csv --run runs/demo
    python ../benchmarks/explanations.py --run runs/demo --rows 150

A cell is one chemistry or base at one place. Its explained effect is the mean over the rows that
have it; its true effect applies the rules of `sirna.simulate.efficacy` to the same substitutions.
The script prints rank correlations over cells with at least `--least` rows.
"""

import argparse
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

FLOOR, CEILING = 11.0, 104.0
"""Mean percentages at a saturating dose and without effect; each target has its own."""
KIND_OF = {
    nucleotide(token)[1]: kind
    for kind, (tokens, _) in efficacy.NUCLEOTIDE_KINDS.items()
    for token in tokens.split()
}


def kind(one: Nucleotide) -> str:
    """The simulation's letter of a chemistry; tokens without a base are left out."""
    bare = next(token for token in one.tokens if nucleotide(token)[0])
    return KIND_OF[nucleotide(bare)[1]]


def padded(strands: list[str]) -> np.ndarray:
    width = max(map(len, strands))
    letters = efficacy.letters([strand.ljust(width) for strand in strands])
    return np.where(letters == " ", "", letters)


def potency(guides: list[str], guide_lists: list[str], passenger_lists: list[str]) -> np.ndarray:
    """The part of the potency that depends on bases and chemistry, log10 units of dose."""
    guide, passenger = (
        [parsed(text) for text in texts] for texts in (guide_lists, passenger_lists)
    )
    lead = [one[0].tokens[0] if one[0].tokens[0] in {"VP", "P"} else "" for one in guide]
    letters = padded(guides)
    found = efficacy.sequence_potency(letters, letters)
    found += efficacy.guide_chemistry(padded(["".join(map(kind, s)) for s in guide]), lead)
    return found + efficacy.passenger_chemistry(padded(["".join(map(kind, s)) for s in passenger]))


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


def true_differences(rows: pd.DataFrame, table: pd.DataFrame, noise_free: np.ndarray) -> np.ndarray:
    """The rules' difference between each row and its substitution, in percentage points."""
    names = ["guide", "guide_modifications", "passenger_modifications"]
    before = rows[names].iloc[table["row"]].reset_index(drop=True)
    after = pd.DataFrame(list(table["changes"])).reindex(columns=names)
    after = after.where(after.notna(), before)
    gain = potency(*(before[n].tolist() for n in names))
    gain -= potency(*(after[n].tolist() for n in names))
    share = np.clip((CEILING - noise_free) / (CEILING - FLOOR), 0.01, 0.99)
    logit = np.log10(share / (1 - share)) - efficacy.HILL_SLOPE * gain
    return -(CEILING - FLOOR) * (share - 1 / (1 + 10.0**-logit))


def report(table: pd.DataFrame, least: int) -> None:
    values = table.assign(
        part_of_cell=table["part"],
        value=[
            text if part == "guide base" else kind(parsed(text)[0])
            for part, text in zip(table["part"], table["stands"], strict=True)
        ],
    )
    for name, some in [("all", values), *values.groupby("part")]:
        keys = ["part", "position", "value"]
        cells = pd.DataFrame(
            {
                key: (
                    len(set(part["row"])),
                    np.average(part["difference"], weights=part["weight"]),
                    np.average(part["true"], weights=part["weight"]),
                )
                for key, part in some.groupby(keys)
            },
            index=["rows", "explained", "true"],
        ).T
        cells = cells[cells["rows"] >= least]
        acting = cells[cells["true"].abs() > 0.5]
        print(
            f"{name}: {len(cells)} cells, rank correlation "
            f"{cells['explained'].corr(cells['true'], method='spearman'):.3f}; {len(acting)} cells "
            f"whose true effect exceeds 0.5 points: "
            f"{acting['explained'].corr(acting['true'], method='spearman'):.3f}; single "
            f"substitutions {some['difference'].corr(some['true'], method='spearman'):.3f}"
        )


if __name__ == "__main__":
    main()
