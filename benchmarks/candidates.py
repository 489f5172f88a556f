"""Write a file of candidates: `python benchmarks/candidates.py ROWS OUT.csv [--symbol NAME]`.

As a chemist designs them: every site of a simulated transcript x 8 patterns of modifications x 3
doses, transcript by transcript, until there are enough rows. With --symbol all rows have this
target, for instance one that the training table of a run has. With --no-transcript the column of
the transcript stays empty (its letters are nine tenths of the bytes); --fasta FILE writes the
transcripts apart, for `sirna submit --transcripts`.
"""

import argparse
import itertools
from collections.abc import Iterator
from pathlib import Path

import pandas as pd

from sirna.notation.nucleotides import nucleotide
from sirna.simulate.simulate import simulate
from sirna.table.sequence import reverse_complement

DOSES = (0.1, 1.0, 10.0)
PATTERNS = 8
GUIDE, SENSE = 23, 21
LISTS = ("modified_siRNA_antisense_seq_list", "modified_siRNA_sense_seq_list")


def templates(text: str) -> list[str]:
    """Return the tokens of a list, with `@` or `#` in place of each base."""
    return [nucleotide(token)[1] for token in text.split()]


def written(pattern: list[str], bases: str) -> str:
    """Write bases with a pattern of modifications, 5' to 3'."""
    following = iter(bases)
    tokens = []
    for mark in pattern:
        if "@" in mark:
            tokens.append(mark.replace("@", next(following)))
        elif "#" in mark:
            tokens.append(mark.replace("#", next(following).lower()))
        else:
            tokens.append(mark)
    return " ".join(tokens)


def patterns_of(table: pd.DataFrame) -> list[tuple[list[str], list[str]]]:
    """Return the commonest patterns of both strands, for guides of 23 and senses of 21."""
    fits = (table["siRNA_antisense_seq"].str.len() == GUIDE) & (
        table["siRNA_sense_seq"].str.len() == SENSE
    )
    pairs = table.loc[fits, list(LISTS)].map(lambda text: " ".join(templates(text)))
    common = pairs.value_counts().index[:PATTERNS]
    return [(guide.split(), sense.split()) for guide, sense in common]


def targets(table: pd.DataFrame) -> pd.DataFrame:
    """Return a row of each target that has a name."""
    named = table.dropna(subset=["gene_target_symbol_name"])
    return named.drop_duplicates("gene_target_symbol_name")


def write_fasta(path: Path) -> None:
    """Write the transcripts of all targets by their symbols."""
    columns = ["gene_target_symbol_name", "gene_target_seq"]
    found = targets(simulate(seed=0).train)[columns].to_numpy()
    path.write_text("".join(f">{symbol}\n{text}\n" for symbol, text in found), encoding="utf-8")


def candidates(symbol: str | None, with_transcript: bool) -> Iterator[dict[str, object]]:
    """Yield rows without end."""
    table = simulate(seed=0).train
    patterns = patterns_of(table)
    named = table.dropna(subset=["gene_target_symbol_name"])
    first = named.dropna(subset=["cell_line_donor", "Transfection_method"]).iloc[0]
    for target in itertools.cycle(targets(table).to_dict("records")):
        transcript = str(target["gene_target_seq"])
        for site in range(len(transcript) - GUIDE + 1):
            guide = reverse_complement(transcript[site : site + GUIDE])
            sense = reverse_complement(guide)[GUIDE - SENSE :]
            for of_guide, of_sense in patterns:
                lists = written(of_guide, guide), written(of_sense, sense)
                for dose in DOSES:
                    yield {
                        "gene_target_symbol_name": symbol or target["gene_target_symbol_name"],
                        "gene_target_species": "Homo sapiens",
                        "siRNA_sense_seq": sense,
                        "siRNA_antisense_seq": guide,
                        "cell_line_donor": first["cell_line_donor"],
                        "siRNA_concentration": dose,
                        "concentration_unit": "nM",
                        "Transfection_method": first["Transfection_method"],
                        "Duration_after_transfection_h": 24,
                        LISTS[1]: lists[1],
                        LISTS[0]: lists[0],
                        "gene_target_seq": transcript if with_transcript else "",
                        "mRNA_remaining_pct": "",
                    }


def write(path: Path, rows: int, symbol: str | None = None, with_transcript: bool = True) -> None:
    """Write a file of candidates."""
    source = candidates(symbol, with_transcript)
    with path.open("w", encoding="utf-8", newline="\n") as stream:
        for number in range(rows):
            row = next(source)
            if number == 0:
                stream.write(",".join(["id", *row]) + "\n")
            stream.write(",".join([str(number + 1), *map(str, row.values())]) + "\n")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("rows", type=int)
    parser.add_argument("out", type=Path)
    parser.add_argument("--symbol")
    parser.add_argument("--no-transcript", action="store_true")
    parser.add_argument("--fasta", type=Path)
    given = parser.parse_args()
    if given.fasta:
        write_fasta(given.fasta)
    write(given.out, given.rows, given.symbol, not given.no_transcript)
