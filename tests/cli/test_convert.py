"""`sirna convert`, and the same notations read by `train` and `submit`."""

from pathlib import Path

import pandas as pd
import pytest

GUIDE, SENSE = "siRNA_antisense_seq", "siRNA_sense_seq"
GUIDE_LIST, SENSE_LIST = (
    "modified_siRNA_antisense_seq_list",
    "modified_siRNA_sense_seq_list",
)
LABEL = "mRNA_remaining_pct"


def read(path: str) -> pd.DataFrame:
    return pd.read_csv(path, dtype=str, keep_default_na=False)


def put(name: str, text: str) -> str:
    Path(name).write_text(text, encoding="utf-8")
    return name


def test_lists_in_any_notation_become_tokens(ok) -> None:
    put(
        "in.csv",
        f"id,{GUIDE},{GUIDE_LIST},{LABEL}\n"
        "1,AUGCAUGCA,aUfgCfaUfgcsa,1\n"
        "2,AUGCAUGCA,mA/i2FU/mG/i2FC/mA/i2FU/mGmC*mA,2\n"
        "3,AUGCAUGCA,a Uf g Cf a Uf g cs a,3\n"
        "4,AUGCAUGCA,3'-a s c g Uf a Cf g Uf a-5',4\n"
        '5,AUGCAUGCA,"RNA1{m(A)p.[fl2r](U)p.m(G)p.[fl2r](C)p.m(A)p.[fl2r](U)p.m(G)p.m(C)[sp].'
        'm(A)}$$$$",5\n',
    )
    done = ok("convert", "in.csv", "out.csv")
    assert "5 rows written" in done.out
    assert read("out.csv")[GUIDE_LIST].tolist() == ["a Uf g Cf a Uf g c s a"] * 5
    assert "marked as written 3' to 5': reversed" in done.err
    for notation in ("alnylam", "idt", "helm"):
        assert f"in the notation '{notation}'" in done.err
    ok("convert", "out.csv", "again.csv")
    assert Path("out.csv").read_bytes() == Path("again.csv").read_bytes()


def test_a_duplex_in_helm_gives_both_strands(ok) -> None:
    put(
        "helm.csv",
        "x,y\n"
        '"RNA1{r(A)p.m(U)}|RNA2{m(A)[sp].[fl2r](U)}$$$RNA1{StrandType:ss}|RNA2{StrandType:as}$",1\n'
        '"RNA1{r(A)p.m(U)}|RNA2{m(A)[sp].[fl2r](U)}$$$RNA1{StrandType:as}|RNA2{StrandType:ss}$",2\n'
        '"RNA1{r(A)p.m(U)}|RNA2{m(A)[sp].[fl2r](U)}$$$$",3\n',
    )
    ok("convert", "helm.csv", "out.csv")
    out = read("out.csv")
    assert out[GUIDE_LIST].tolist() == ["a s Uf", "A u", "a s Uf"]
    assert out[SENSE_LIST].tolist() == ["A u", "a s Uf", "A u"]
    assert out[GUIDE].tolist() == out[SENSE].tolist() == ["AU"] * 3
    assert out["y"].tolist() == ["1", "2", "3"]


@pytest.mark.parametrize(
    ("notation", "text", "expected"),
    [
        ("auto", "aUfgxx", ["row id 7 (line 2)", "character 5", "'xx'", "[tokens]"]),
        ("auto", "a Uf Xyz g", ["character 6", "'Xyz g'"]),
        ("auto", "mA/iXyz/rG", ["the code /iXyz/ is not known"]),
        ("helm", "aUfg", ["not a polymer of HELM"]),
        ("idt", "aUfg", ["not a code of IDT"]),
        ("auto", "5'-aUfg-5'", ["both ends are marked 5'"]),
    ],
)
def test_unknown_text_is_refused_with_its_place(refused, notation, text, expected) -> None:
    put("in.csv", f"id,{GUIDE},{GUIDE_LIST}\n7,AUG,{text}\n")
    message = refused("convert", "in.csv", "out.csv", "--from", notation)
    assert [part for part in ["in.csv", GUIDE_LIST, *expected] if part not in message] == []
    assert not Path("out.csv").exists()


def test_synonyms_of_the_configuration_are_read(ok) -> None:
    put("tokens.toml", '[tokens]\nXyz = "(Uxy)"\n')
    put("in.csv", f"id,{GUIDE},{GUIDE_LIST}\n7,AUG,aXyzg\n")
    ok("convert", "in.csv", "out.csv", "--config", "tokens.toml")
    assert read("out.csv")[GUIDE_LIST].tolist() == ["a (Uxy) g"]


def test_one_column_a_dose_becomes_one_row_a_measurement(ok, refused) -> None:
    put("wide.csv", f"id,{GUIDE},10 nM,1nM (%),0.1 \u00b5M\na,AUGC,12,40,5\nb,GGCA,,41,6\n")
    assert "sirna convert wide.csv OUT --melt" in refused("train", "wide.csv")
    ok("convert", "wide.csv", "long.csv", "--melt")
    long = read("long.csv")
    assert long["id"].tolist() == ["a_10nM", "a_1nM", "a_100nM", "b_1nM", "b_100nM"]
    assert long["siRNA_concentration"].tolist() == ["10", "1", "100", "1", "100"]
    assert long[LABEL].tolist() == ["12", "40", "5", "41", "6"]
    assert set(long["concentration_unit"]) == {"nM"}
    assert "--melt needs columns" in refused("convert", "long.csv", "x.csv", "--melt")


def test_guides_are_derived_from_the_sense_strand_or_a_site(ok) -> None:
    put("sense.csv", f"id,{SENSE},site\n1,AUGCCdTdT,TTACG\n2,AUGCCGG,CGTAA\n3,AUGCCTT,GGGGA\n")
    done = ok("convert", "sense.csv", "out.csv", "--guide-from", "sense")
    assert read("out.csv")[GUIDE].tolist() == ["GGCAUUU", "CCGGCAU", "GGCAUUU"]
    assert "3 guides are derived as the reverse complements of" in done.err
    ok("convert", "sense.csv", "site.csv", "--guide-from", "site")
    assert read("site.csv")[GUIDE].tolist() == ["CGUAA", "UUACG", "UCCCC"]


def test_an_existing_file_is_kept_without_force(ok, refused) -> None:
    put("in.csv", f"id,{GUIDE}\n7,AUG\n")
    put("out.csv", "mine")
    assert "exists already" in refused("convert", "in.csv", "out.csv", code=2)
    assert Path("out.csv").read_text() == "mine"
    assert "is the table itself" in refused("convert", "in.csv", "in.csv", "--force", code=2)
    ok("convert", "in.csv", "out.csv", "--force")
    assert read("out.csv")[GUIDE].tolist() == ["AUG"]
    assert "no such notation (did you mean 'alnylam'?)" in refused(
        "convert", "in.csv", "new.csv", "--from", "alnilam", code=2
    )


def glued(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.assign(
        **{name: frame[name].str.replace(" ", "") for name in (GUIDE_LIST, SENSE_LIST)}
    )


def backwards(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.assign(
        **{name: "3'-" + frame[name].str[::-1] + "-5'" for name in (GUIDE, SENSE)},
        **{
            name: frame[name].map(lambda text: f"3'-{' '.join(reversed(text.split()))}-5'")
            for name in (GUIDE_LIST, SENSE_LIST)
        },
    )


def with_units(frame: pd.DataFrame) -> pd.DataFrame:
    dose, hours = "siRNA_concentration", "Duration_after_transfection_h"
    units = frame["concentration_unit"].where(frame[dose] != "", "")
    return frame.assign(
        **{
            dose: frame[dose] + units,
            hours: frame[hours] + frame[hours].where(frame[hours] == "", "h"),
        }
    ).drop(columns="concentration_unit")


def with_semicolons(frame: pd.DataFrame) -> str:
    decimal = frame.assign(
        siRNA_concentration=frame["siRNA_concentration"].str.replace(".", ",", regex=False)
    )
    return "sep=;\n" + decimal.to_csv(index=False, sep=";")


@pytest.mark.parametrize(
    "change", [glued, backwards, with_units, with_semicolons], ids=lambda one: one.__name__
)
def test_a_test_file_written_otherwise_gets_the_same_predictions(change, run, data, ok) -> None:
    frame = pd.read_csv(data / "test.csv", dtype=str, keep_default_na=False)[:40]
    frame.to_csv("plain.csv", index=False)
    other = change(frame)
    put("other.csv", other if isinstance(other, str) else other.to_csv(index=False))
    ok("submit", "plain.csv", "--run", run, "--out", "a.csv", "--columns", "id")
    ok("submit", "other.csv", "--run", run, "--out", "b.csv", "--columns", "id")
    assert Path("a.csv").read_text() == Path("b.csv").read_text()


def test_tokens_of_the_other_strand_are_reported(run, data, ok) -> None:
    frame = pd.read_csv(data / "test.csv", dtype=str, keep_default_na=False)[:40]
    swapped = frame.rename(
        columns={GUIDE: SENSE, SENSE: GUIDE, GUIDE_LIST: SENSE_LIST, SENSE_LIST: GUIDE_LIST}
    ).drop(columns="gene_target_seq")
    swapped.to_csv("swapped.csv", index=False)
    done = ok("submit", "swapped.csv", "--run", run, "--out", "a.csv")
    assert "which the other strand carries; strands swapped?" in done.err
    assert "that training rows have in the passenger modifications only: '" in done.err
    frame.to_csv("plain.csv", index=False)
    assert "swapped" not in ok("submit", "plain.csv", "--run", run, "--out", "b.csv").err


def test_an_unreadable_list_of_a_test_row_is_reported_with_its_cost(run, data, ok) -> None:
    frame = pd.read_csv(data / "test.csv", dtype=str, keep_default_na=False)[:10]
    frame.loc[3, GUIDE_LIST] = "aUfgxxC"
    frame.to_csv("odd.csv", index=False)
    done = ok("submit", "odd.csv", "--run", run, "--out", "a.csv")
    assert "cannot be read: character 5, 'xxC'" in done.err
    assert "its chemistry does not count; the rows are predicted" in done.err
