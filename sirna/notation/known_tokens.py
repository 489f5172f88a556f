"""The tokens of modified nucleotides and caps, with their chemical names.

A strand is a list of tokens, 5' to 3'. The spelling is that of Alnylam's patents, which the
competition's files use: `a` is 2'-O-methyladenosine, `Af` 2'-fluoroadenosine. Chemistries that
these patents do not have are written in the same way, in parentheses.
"""

from dataclasses import dataclass

NUCLEOSIDES = {
    "A": "adenosine",
    "C": "cytidine",
    "G": "guanosine",
    "U": "uridine",
    "T": "5-methyluridine",
}
RESERVED = ("<pad>", "<unk>")
"""Names of a vocabulary's own entries, padding and unknown; no token of a strand has them."""
PHOSPHOROTHIOATE = "s"
"""The token of a phosphorothioate between its two neighbours."""


@dataclass(frozen=True)
class Chemistry:
    """A sugar with its phosphate: one token for each base.

    Attributes
    ----------
    name : str
        Chemical name, with `{}` for the nucleoside.
    token : str
        The token, with `@` for the base or `#` for the base in lower case.
    prefix : str
        What stands before the base in notations such as `mA fU`; empty if there is no such prefix.
    helm : tuple of str
        Sugars of HELM; the first is the one that is written.
    idt : str
        Name in IDT's codes, as `2F` in `/i2FA/`; empty if there is none.
    bases : str
        The bases that have a token.
    other : tuple of str
        Other spellings of the token, with `@` for the base.
    """

    name: str
    token: str
    prefix: str = ""
    helm: tuple[str, ...] = ()
    idt: str = ""
    bases: str = "ACGU"
    other: tuple[str, ...] = ()

    def token_of(self, base: str) -> str:
        """Return the token of a base (A, C, G, U or T)."""
        return self.token.replace("@", base).replace("#", base.lower())

    def name_of(self, base: str) -> str:
        """Return the chemical name of the nucleotide with a base."""
        without_oxygen = base == "T" and self.token in {"d@", "(@gn)"}
        nucleoside = "thymidine" if without_oxygen else NUCLEOSIDES[base]
        hyphen = "-" * (nucleoside[0].isdigit() and "l{" in self.name)  # methyl-5-methyluridine
        return self.name.format(hyphen + nucleoside)


CHEMISTRIES = (
    Chemistry("{}-3'-phosphate", "@", "r", ("r",), bases="ACGUT"),
    Chemistry("2'-O-methyl{}-3'-phosphate", "#", "m", ("m", "mR", "OMe"), "2OMe", "ACGUT", ("@m",)),
    Chemistry("2'-fluoro{}-3'-phosphate", "@f", "f", ("fl2r", "fR", "2fR", "f"), "2F"),
    Chemistry("2'-deoxy{}-3'-phosphate", "d@", "d", ("d", "dR"), "deoxy", bases="ACGTU"),
    Chemistry("{}-2'-phosphate", "(@2p)", "", ("r2p",), bases="ACGUT"),
    Chemistry("{}-glycol nucleic acid", "(@gn)", "g", ("gna", "GNA", "gly"), bases="ACGTU"),
    Chemistry("2'-O-hexadecyl-{}-3'-phosphate", "(@hd)", "", ("hd", "C16"), bases="ACGUT"),
    Chemistry(
        "2'-O-methoxyethyl{}-3'-phosphate", "(@eo)", "e", ("moe", "MOE"), "2MOEr", bases="ACGTU"
    ),
    Chemistry("{}-locked nucleic acid", "(@ln)", "l", ("lna", "LNA", "LR"), bases="ACGTU"),
    Chemistry("{}-unlocked nucleic acid", "(@un)", "u", ("una", "UNA"), bases="ACGUT"),
    Chemistry("{}-hexitol nucleic acid", "(@hn)", "h", ("hna", "HNA"), bases="ACGTU"),
    Chemistry("4'-thio-{}-3'-phosphate", "(@s4)", "", ("s4r", "S4R"), bases="ACGUT"),
)


@dataclass(frozen=True)
class Cap:
    """A group without a base, at an end of a strand or between nucleotides.

    Attributes
    ----------
    token : str
    name : str
        Chemical name.
    strand : str
        The strand that carries it: "guide", "passenger" or, if both can, "".
    other : tuple of str
        Other spellings, in any notation.
    idt : str
        IDT's code without slashes, empty if there is none.
    """

    token: str
    name: str
    strand: str = ""
    other: tuple[str, ...] = ()
    idt: str = ""


CAPS = (
    Cap("s", "phosphorothioate linkage", other=("ps", "sp", "(ps)", "[ps]", "[sp]", "*")),
    Cap("P", "phosphate at an end of the strand", other=("5Phos",), idt="5Phos"),
    Cap("VP", "5'-vinylphosphonate", "guide", ("(VP)", "EVP", "(vinylP)")),
    Cap(
        "L96",
        "N-[tris(GalNAc-alkyl)-amidodecanoyl]-4-hydroxyprolinol",
        "passenger",
        ("(L96)", "[L96]", "GalNAc-L96"),
    ),
    Cap("GalNAc", "N-acetylgalactosamine conjugate", "passenger", ("(GalNAc)", "[GalNAc]")),
    Cap("Chol", "cholesterol conjugate", "passenger", ("(Chol)", "chol"), "3CholTEG"),
    Cap("invAb", "inverted abasic nucleotide", "", ("(invAb)", "iAb", "[invAb]")),
    Cap("idT", "inverted 2'-deoxythymidine", "", ("(invdT)", "invdT", "[invdT]"), "3InvdT"),
)


def _tokens() -> dict[str, str]:
    names = {}
    for chemistry in CHEMISTRIES:
        for base in chemistry.bases:
            names[chemistry.token_of(base)] = chemistry.name_of(base)
    return names | {cap.token: cap.name for cap in CAPS}


TOKENS: dict[str, str] = _tokens()
"""Every known token and its chemical name."""
WITHOUT_BASE = frozenset(cap.token for cap in CAPS) - {"idT"}
"""Tokens that are no nucleotide with a base, though their names contain letters of bases."""
