"""The embedded data set keeps the competition's schema, its gaps and its written rules."""

import numpy as np
import pandas as pd
import pytest

from sirna.simulate.simulate import MIN_DUPLEXES, Simulation, measurement_cdf, simulate

COLUMNS = [
    "id",
    "publication_id",
    "gene_target_symbol_name",
    "gene_target_ncbi_id",
    "gene_target_species",
    "siRNA_duplex_id",
    "siRNA_sense_seq",
    "siRNA_antisense_seq",
    "cell_line_donor",
    "siRNA_concentration",
    "concentration_unit",
    "Transfection_method",
    "Duration_after_transfection_h",
    "modified_siRNA_sense_seq",
    "modified_siRNA_antisense_seq",
    "modified_siRNA_sense_seq_list",
    "modified_siRNA_antisense_seq_list",
    "gene_target_seq",
    "mRNA_remaining_pct",
]
TARGET = [*COLUMNS[2:5], "gene_target_seq"]
CONDITIONS = ["cell_line_donor", "Transfection_method", "Duration_after_transfection_h"]
LABEL = "mRNA_remaining_pct"
PAIRS = str.maketrans("ACGU", "UGCA")


@pytest.fixture(scope="module")
def competition() -> Simulation:
    return simulate()


@pytest.fixture(scope="module")
def large() -> Simulation:
    return simulate(duplexes=6000, seed=5)


def everything(competition: Simulation) -> pd.DataFrame:
    return pd.concat([competition.train, competition.test], ignore_index=True)


def test_the_same_seed_gives_the_same_rows() -> None:
    first, second = simulate(60, seed=7), simulate(60, seed=7)
    for name in ("train", "test", "truth", "vocab"):
        pd.testing.assert_frame_equal(getattr(first, name), getattr(second, name))


def test_another_seed_gives_other_strands_and_labels() -> None:
    first, second = simulate(60, seed=7).train, simulate(60, seed=8).train
    assert not set(first["siRNA_antisense_seq"]) & set(second["siRNA_antisense_seq"])
    assert not set(first["gene_target_seq"].dropna()) & set(second["gene_target_seq"].dropna())


def test_the_schema_is_that_of_the_competition(competition: Simulation) -> None:
    assert list(competition.train.columns) == COLUMNS
    assert list(competition.test.columns) == COLUMNS
    assert competition.train[LABEL].notna().all()
    assert competition.test[LABEL].isna().all()
    assert list(competition.truth["id"]) == list(competition.test["id"])
    assert list(competition.vocab.columns) == ["Abbreviation", "Chemical Name"]


def test_the_default_has_about_three_thousand_rows_of_forty_targets(
    competition: Simulation,
) -> None:
    assert 2350 <= len(competition.train) <= 2650
    assert 450 <= len(competition.test) <= 550
    assert competition.train["gene_target_symbol_name"].nunique() == 40
    assert (
        competition.train.groupby("publication_id")["gene_target_symbol_name"].nunique().max() <= 3
    )


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_the_labels_are_distributed_like_the_real_ones(seed: int) -> None:
    label = simulate(seed=seed).train[LABEL]
    assert label.min() >= 0.1
    assert np.abs(label * 100 - (label * 100).round()).max() < 1e-6
    assert 150 < label.max() < 300
    assert 48 < label.mean() < 62
    assert 32 < label.std() < 38
    assert 0.25 < (label < 30).mean() < 0.38
    assert 0.08 < (label > 100).mean() < 0.17


def test_ids_are_unique_and_test_rows_are_mixed_with_training_rows(competition: Simulation) -> None:
    rows = everything(competition)
    assert rows["id"].is_unique
    assert competition.train["id"].is_monotonic_increasing
    order = rows["id"].to_numpy().argsort()
    in_test = (order >= len(competition.train)).astype(int)
    assert np.abs(np.diff(in_test)).sum() > len(competition.test)


def test_most_test_rows_repeat_a_duplex_of_training(large: Simulation) -> None:
    repeated = large.test["siRNA_duplex_id"].isin(large.train["siRNA_duplex_id"]).mean()
    assert 0.82 < repeated < 0.90


def test_no_duplex_is_measured_twice_under_one_condition(competition: Simulation) -> None:
    keys = ["siRNA_duplex_id", "siRNA_concentration", *CONDITIONS]
    rows = everything(competition)
    assert not rows[rows["cell_line_donor"].notna()].duplicated(keys).any()


def base_of(token: str) -> str:
    if token in {"VP", "P", "s", "L96"}:
        return ""
    return token.strip("(d")[0].upper().replace("T", "U")


@pytest.mark.parametrize("strand", ["sense", "antisense"])
def test_tokens_spell_the_bases(competition: Simulation, strand: str) -> None:
    rows = everything(competition)
    tokens = rows[f"modified_siRNA_{strand}_seq_list"]
    spelled = ["".join(map(base_of, line.split(" "))) for line in tokens]
    assert spelled == rows[f"siRNA_{strand}_seq"].to_list()
    assert (tokens.str.replace(" ", "") == rows[f"modified_siRNA_{strand}_seq"]).all()


def test_every_token_is_in_the_vocabulary(large: Simulation) -> None:
    rows = everything(large)
    lists = rows["modified_siRNA_sense_seq_list"] + " " + rows["modified_siRNA_antisense_seq_list"]
    used = set(" ".join(lists).split(" "))
    known = large.vocab["Abbreviation"]
    assert known.is_unique
    assert len(known) == 33
    assert used <= set(known)
    assert {"VP", "L96", "s", "(Agn)", "(Tgn)", "dT", "(Uhd)", "(U2p)", "A"} <= used
    assert not {"(Ugn)", "dU"} & used


def test_vinylphosphonate_comes_first_in_guides_and_l96_last_in_passengers(
    competition: Simulation,
) -> None:
    rows = everything(competition)
    guide = rows["modified_siRNA_antisense_seq_list"]
    assert not guide.str.contains(" VP").any()
    assert 0.2 < guide.str.startswith("VP ").mean() < 0.5
    passenger = rows["modified_siRNA_sense_seq_list"]
    assert not passenger.str.contains("L96 ").any()
    assert 0.78 < passenger.str.endswith(" L96").mean() < 0.92


def test_the_guide_pairs_with_its_transcript_and_its_passenger(competition: Simulation) -> None:
    rows = everything(competition).dropna(subset=["gene_target_seq"])
    for guide, passenger, transcript in zip(
        rows["siRNA_antisense_seq"], rows["siRNA_sense_seq"], rows["gene_target_seq"], strict=True
    ):
        # Position 1 does not touch the target in RISC and is often chosen freely.
        assert guide[1:].translate(PAIRS)[::-1].replace("U", "T") in transcript
        assert passenger == guide[: len(passenger)].translate(PAIRS)[::-1]


def test_strands_have_the_usual_lengths(large: Simulation) -> None:
    rows = everything(large)
    guide, passenger = (rows[f"siRNA_{s}_seq"].str.len() for s in ("antisense", "sense"))
    assert guide.between(19, 24).all()
    assert 0.97 < (guide == 23).mean() < 1.0
    assert set(passenger) <= {19, 21}


def test_transcripts_are_dna_of_varied_composition(competition: Simulation) -> None:
    transcripts = competition.train["gene_target_seq"].dropna().drop_duplicates()
    assert transcripts.str.fullmatch("[ACGT]+").all()
    assert transcripts.str.len().between(600, 3000).all()
    gc = transcripts.str.count("[GC]") / transcripts.str.len()
    assert gc.min() < 0.42
    assert gc.max() > 0.55


def test_a_target_is_missing_from_whole_publications(competition: Simulation) -> None:
    missing = competition.train[TARGET].isna()
    assert (missing.nunique(axis=1) == 1).all()
    assert 0.09 < missing["gene_target_seq"].mean() < 0.15
    by_publication = missing["gene_target_seq"].groupby(competition.train["publication_id"])
    assert set(by_publication.mean()) == {0.0, 1.0}


def test_conditions_are_missing_together_in_a_few_rows(competition: Simulation) -> None:
    missing = competition.train[CONDITIONS].isna()
    assert (missing.nunique(axis=1) == 1).all()
    assert 0.03 < missing["cell_line_donor"].mean() < 0.08
    both = missing["cell_line_donor"] & competition.train["gene_target_seq"].isna()
    assert 0 < both.mean() < missing["cell_line_donor"].mean()


def test_only_the_label_is_missing_in_test_rows(large: Simulation) -> None:
    assert large.test.drop(columns=LABEL).notna().all(axis=None)


def test_species_and_symbol_agree(competition: Simulation) -> None:
    rows = everything(competition).dropna(subset=["gene_target_species"])
    mouse = rows["gene_target_species"] == "Mus musculus"
    assert (rows["gene_target_symbol_name"].str.isupper() == ~mouse).all()
    assert mouse.any()
    assert "Macaca fascicularis" in set(rows["gene_target_species"])


@pytest.mark.parametrize("duplexes", [MIN_DUPLEXES, 33, 300])
@pytest.mark.parametrize("seed", [0, 1, 2, 3])
def test_one_row_holds_the_5_prime_phosphate_and_it_is_in_test(duplexes: int, seed: int) -> None:
    drawn = simulate(duplexes, seed)
    column = "modified_siRNA_antisense_seq_list"
    assert not drawn.train[column].str.startswith("P ").any()
    assert drawn.test[column].str.startswith("P ").sum() == 1
    assert len(drawn.test) == round((len(drawn.train) + len(drawn.test)) / 6)
    assert everything(drawn)["siRNA_duplex_id"].nunique() == duplexes


def test_too_few_duplexes_are_refused() -> None:
    with pytest.raises(ValueError, match=f"duplexes=19: .* {MIN_DUPLEXES} or more"):
        simulate(MIN_DUPLEXES - 1)


def test_without_noise_a_lower_dose_never_silences_better(large: Simulation) -> None:
    rows = large.test.merge(large.truth[["id", "noise_free_pct"]], on="id")
    pairs = rows.merge(rows, on=["siRNA_duplex_id", *CONDITIONS], suffixes=("", "_of_more"))
    pairs = pairs[pairs["siRNA_concentration"] < pairs["siRNA_concentration_of_more"]]
    assert len(pairs) > 100
    assert (pairs["noise_free_pct"] > pairs["noise_free_pct_of_more"]).all()


def test_free_uptake_needs_hepatocytes_and_higher_doses(large: Simulation) -> None:
    rows = everything(large)
    free = rows[rows["Transfection_method"] == "Free uptake"]
    assert 0.02 < len(free) / len(rows) < 0.15
    assert free["cell_line_donor"].str.contains("Hepatocytes").all()
    assert (free["siRNA_concentration"] >= 1).all()


def kolmogorov(ranks: np.ndarray) -> float:
    return float(np.abs(np.sort(ranks) - (np.arange(ranks.size) + 0.5) / ranks.size).max())


def test_the_noise_follows_its_documented_formula(large: Simulation) -> None:
    truth = large.truth
    cdf = measurement_cdf(truth["noise_free_pct"].to_numpy(), truth[LABEL].to_numpy())
    above = (truth[LABEL] > 0.1).to_numpy()
    assert kolmogorov(np.diag(cdf)[above]) < 1.63 / np.sqrt(above.sum())


def test_the_noise_free_percentages_score_about_0_9(competition: Simulation) -> None:
    measured = competition.truth[LABEL].to_numpy()
    oracle = competition.truth["noise_free_pct"].to_numpy()
    error, low, said = np.abs(measured - oracle), measured < 30, oracle < 30
    f1 = 2 * (low & said).sum() / (low.sum() + said.sum())
    score = 0.5 * (1 - error.mean() / 100) + 0.5 * f1 * (1 - error[oracle <= 30].mean() / 100)
    assert 0.87 < score < 0.93
