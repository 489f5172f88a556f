"""Strands of every notation are read as tokens, or refused with place and text."""

import pytest

from sirna.errors import UsageError
from sirna.notation.bases import read_bases
from sirna.notation.direction import without_marks
from sirna.notation.errors import NotationError
from sirna.notation.read import Reader, check_notation

TOKENS = "a Uf g s C dT L96"


@pytest.mark.parametrize(
    ("text", "notation"),
    [
        ("aUfgsCdTL96", "alnylam"),
        ("a Uf gs CdT L96", "alnylam"),
        ("aUfg s C-dT-L96", "alnylam"),
        ("a\u00b7Uf\u00b7g*CdT(L96)", "alnylam"),
        ("a,Uf,g,s,C,dT,L96", "tokens"),
        ("a;Uf;gs;C;dT;L96", "alnylam"),
        ("a|Uf|g|s|C|dT|L96", "alnylam"),
        ("[a][Uf][gs][C][dT][L96]", "alnylam"),
        ("AmUfGmsCdTL96", "alnylam"),
        ("['a', 'Uf', 'g', 's', 'C', 'dT', 'L96']", "tokens"),
        ('["a","Uf","g","s","C","dT","L96"]', "tokens"),
        (" a  Uf g s C dT  L96 ", "tokens"),
        ("5'-aUfgsCdTL96-3'", "alnylam"),
        ("5\u2032 a Uf g s C dT L96 3\u2032", "tokens"),
        ("3'-L96 dT C s g Uf a-5'", "tokens"),
        ("L96 dT C s g Uf a (3'->5')", "tokens"),
        (
            "RNA1{m(A)p.[fl2r](U)p.m(G)[sp].r(C)p.d(T)}|CHEM1{[L96]}$RNA1,CHEM1,13:R2-1:R1$$$",
            "helm",
        ),
        ("RNA1{m(A)p.[fl2r](U)p.m(G)[sp].r(C)p.d(T)p.[L96]}$$$$V2.0", "helm"),
    ],
)
def test_spellings_of_one_strand_are_read_alike(text, notation):
    reading = Reader().read(text, "AUGCU")
    assert " ".join(reading.tokens) == TOKENS
    assert reading.notation in {notation, "tokens"}


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("mA fU rA dT", "a Uf A dT"),
        ("mAfUrAdT", "a Uf A dT"),
        ("mA*fU*rA", "a s Uf s A"),
        ("/52FA/mU*/i2OMeC//32FG/", "Af u s c Gf"),
        ("/5Phos/rArUrG/3InvdT/", "P A U G idT"),
        ("+ArU+C", "(Aln) U (Cln)"),
        ("(mA)(fU)(mG)", "a Uf g"),
        ("mAsfUsmG", "a s Uf s g"),
        ("mA-ps-fU", "a s Uf"),
        ("/52MOErA/rU", "(Aeo) U"),
        ("pasUfsg", "P a s Uf s g"),
        ("VPusGfs(Agn)aL96", "VP u s Gf s (Agn) a L96"),
        ("(invAb)aUf(invAb)", "invAb a Uf invAb"),
        ("a u X9 g", "a u X9 g"),
        ("ACGU", "A C G U"),
    ],
)
def test_notations_are_recognised(text, tokens):
    assert " ".join(Reader().read(text).tokens) == tokens


@pytest.mark.parametrize(
    ("text", "notation", "expected"),
    [
        ("aUfgxxC", "auto", "character 5, 'xxC'"),
        ("aUfg7", "alnylam", "character 5, '7'"),
        ("a u X9 g", "alnylam", "character 5, 'X9 g'"),
        ("mA/iXyz/rG", "auto", "the code /iXyz/ is not known"),
        ("mAkU", "idt", "'k' before U is no known sugar"),
        ("rA dC A", "idt", "write rA or dA"),
        ("5'-a u-5'", "auto", "both ends are marked 5'"),
        ("RNA1{r(A)p.[xyz](U)}$$$$", "auto", "character 12, '[xyz](U)"),
        ("RNA1{r(A)}|RNA2{r(U)}$$$$", "auto", "a duplex in HELM"),
        ("PEPTIDE1{A.G}$$$$", "auto", "PEPTIDE is not part of a strand"),
    ],
)
def test_what_cannot_be_read_is_refused_with_place_and_text(text, notation, expected):
    with pytest.raises(NotationError) as error:
        Reader(notation, strict=True).read(text)
    assert expected in str(error.value)


def test_synonyms_extend_every_notation():
    synonyms = {"Xx": "(Uxy)", "/iXyz/": "(Axy) s", "[xyz](A)": "(Axy)", "[cap]": "Chol"}
    reader = Reader("auto", synonyms)
    assert reader.read("aXxg").tokens == ("a", "(Uxy)", "g")
    assert reader.read("a Xx g").tokens == ("a", "(Uxy)", "g")
    assert reader.read("mA/iXyz/rG").tokens == ("a", "(Axy)", "s", "G")
    helm = "RNA1{[xyz](A)p.r(U)}|CHEM1{[cap]}$RNA1,CHEM1,4:R2-1:R1$$$"
    assert reader.read(helm).tokens == ("(Axy)", "U", "Chol")
    assert Reader("tokens", synonyms).read("a Xx g").tokens == ("a", "(Uxy)", "g")


def test_bases_decide_whether_an_entry_is_one_token_or_several():
    assert Reader().read("aUfg Cac", "AUGCAC").tokens == ("a", "Uf", "g", "C", "a", "c")
    assert Reader().read("Ac Uc", "AU").tokens == ("Ac", "Uc")


@pytest.mark.parametrize("name", ["auto", "alnylam", "axolabs", "idt", "helm", "tokens"])
def test_notations_have_names(name):
    assert check_notation(name) == name
    with pytest.raises(UsageError, match="no such notation"):
        check_notation(f"{name}x")


@pytest.mark.parametrize(
    ("text", "bare", "backwards"),
    [
        ("3'-CCAA-5'", "CCAA", True),
        ("3\u2019 CCAA 5\u2019", "CCAA", True),
        ("CCAA-5'", "CCAA", True),
        ("3`-CCAA", "CCAA", True),
        ("CCAA (3'-5')", "CCAA", True),
        ("3-CCAA-5", "CCAA", True),
        ("3 - CCAA - 5", "CCAA", True),
        ("3p-CCAA-5p", "CCAA", True),
        ("5'-CCAA-3'", "CCAA", False),
        ("(5')CCAA(3')", "CCAA", False),
        ("5'CCAA", "CCAA", False),
        ("CCAA3'", "CCAA", False),
        ("CCAA", "CCAA", False),
    ],
)
def test_direction_marks_are_read_and_removed(text, bare, backwards):
    assert without_marks(text) == (bare, backwards)


@pytest.mark.parametrize("text", ["5'-CCAA-5'", "3'-CCAA-3'", "5' CCAA 5'", "CCAA (5'-5')"])
def test_contradictory_marks_are_refused(text):
    with pytest.raises(NotationError, match="both ends are marked"):
        without_marks(text)


@pytest.mark.parametrize(
    ("text", "bases"),
    [
        ("AUGCdTdT", "AUGCUU"),
        ("AUGC(dT)(dT)", "AUGCUU"),
        ("AUGC(dT)2", "AUGCUU"),
        ("AUGCd(TT)", "AUGCUU"),
        ("AUGCTT", "AUGCUU"),
        ("augcdtdt", "AUGCUU"),
        ("rArUrGrC", "AUGC"),
        ("AUG CAU-G.C", "AUGCAUGC"),
        ("3'-dTdTCGUA-5'", "AUGCUU"),
        ("AUGNR", "AUGNR"),
    ],
)
def test_plain_bases_may_have_deoxy_ends_and_separators(text, bases):
    assert read_bases(text).text == bases
