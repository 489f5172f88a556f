"""Hostile settings, configuration files, search spaces and options."""

from campaign import Campaign
from child import limit_memory, run

from sirna.config.config import Config
from sirna.config.fields import Section
from sirna.config.load import load_config
from sirna.errors import SirnaError

VALUES = [
    *("-1", "0", "1", "1000000000", "1e9", "1" + "0" * 30, "1e400", "nan", "inf", "-inf", "x", ""),
    *("[]", "[1]", '["a"]', "{}", "true", '"1"', "1e-308", "1e308", "2020-01-01", "0x10", "ï☃"),
    *("[" * 3000 + "]" * 3000, "'''\n'''", "1" * 5000, "{a=" * 100 + "1" + "}" * 100),
]
ODD_KEYS = [
    *("streams", "train", "nope", "train.nope", "streams.x.role", "streams.x", "", ".", "a.b.c.d"),
    *(
        "ünïcode",
        "train.epochs.x",
        "\x1b[31m",
        "a" * 10_000,
        "__class__",
        "train.__dict__",
        "a." * 9000,
    ),
]
LONGEST_MESSAGE = 12_000


def keys_of(section, before=""):
    for name, field in section.model_fields.items():
        kind = field.annotation
        if isinstance(kind, type) and issubclass(kind, Section):
            yield from keys_of(kind, f"{before}{name}.")
        else:
            yield f"{before}{name}"


def test_a_setting_is_accepted_or_refused_in_one_message():
    campaign = Campaign("settings, read")
    cases = [(key, value) for key in [*keys_of(Config), *ODD_KEYS] for value in VALUES]
    for key, value in campaign.some(cases, most=10_000):
        try:
            load_config(None, [f"{key}={value}"], {})
            campaign.counts["accepted"] += 1
        except SirnaError as error:
            campaign.counts["refused"] += 1
            if len(str(error)) > LONGEST_MESSAGE:
                campaign.fault(f"{key[:40]}={value[:40]}", f"{len(str(error))} characters")
        except Exception as error:
            campaign.fault(f"{key[:40]}={value[:40]}", repr(error)[:200])
    campaign.finish()


FILES = {
    "empty": b"",
    "binary": bytes(range(256)) * 9,
    "UTF-16": "[train]\n".encode("utf-16"),
    "a deep list": b"x = " + b"[" * 100_000 + b"]" * 100_000,
    "a deep table": b"[" + b".".join([b"a"] * 20_000) + b"]\n",
    "a deep key": b".".join([b"a"] * 20_000) + b" = 1\n",
    "inline tables": b"x = " + b"{a=" * 5000 + b"1" + b"}" * 5000,
    "a key twice": b"[train]\nepochs=1\nepochs=2\n",
    "50 MB of comment": b"#" + b"x" * 50_000_000,
    "many unknown keys": b"[train]\n" + b"".join(b"k%d = 1\n" % i for i in range(50_000)),
    "many streams": b"".join(b'[streams.s%d]\nrole = "guide"\n' % i for i in range(10_000)),
    "no streams": b"[streams]\n",
    "a huge number": b"[train]\nepochs = " + b"9" * 5000 + b"\n",
    "control characters": b'[columns]\nguide = "\\u001b[31m"\n',
    "NUL": b"[train]\n\0",
}
LARGE = [
    *("model.hidden=20000", "model.embedding=100000", "model.head_hidden=1000000"),
    *("siblings.size=100000", "model.covariate_embedding=100000", "train.networks=1000"),
    *("train.batch_rows=1000000", "train.epochs=1000000", "gaussian_process.step_rows=100000"),
    *("gaussian_process.most_rows=1000000", "trees.leaves=100000", "model.bins=500"),
    *("gaussian_process.components=100", "trees.rounds=100000", "trees.ensembles=1000"),
]
OPTIONS = [
    *(("--valid", v) for v in ("nan", "-1", "0", "2", "inf", "1e-300", "x")),
    *(("--folds", v) for v in ("1", "1000000000", "1" + "0" * 30, "2.5", "100")),
    *(("--seed", v) for v in ("-1", "18446744073709551616", "1" + "0" * 30)),
    *(("--device", v) for v in ("cuda:99", "meta", "", "☃")),
    *(("--splits", v) for v in ("nope.csv", "/tmp", "/dev/null", "x" * 5000)),  # noqa: S108
    *(("--run", v) for v in (".", "/", "/proc/x", "x" * 300, "/dev/null")),
    *(("--config", v) for v in ("", "nope", "/dev/zero", "/proc/self/mem", "x" * 5000)),
    *(("--protocol", v) for v in ("x", "")),
]
STUDIES = ["", ".", "..", "../../out", "/tmp/abs", "a/b", "x" * 300, "a\nb", "-x", "rows?x=1"]  # noqa: S108


def commands(data, small, folder):
    train = ["train", data / "train_data.csv", *small, "--check"]
    for name, content in FILES.items():
        path = folder / f"{name}.toml"
        path.write_bytes(content)
        yield f"file {name}", [*train, "--config", path]
        yield f"space {name}", ["tune", data / "train_data.csv", "--trials", "1", "--space", path]
    for change in LARGE:
        yield change, [*train, "--set", change]
    for option in OPTIONS:
        yield f"{option[0]} {option[1][:30]}", [*train, *option]
    for study in STUDIES:
        tune = ["tune", data / "train_data.csv", *small, "--trials", "1", "--study", study]
        yield f"study {study[:30]!r}", tune
    for out in (
        "",
        ".",
        "o.txt",
        "/dev/null",
        "/proc/o.csv",
        "x" * 300 + ".csv",
        "o.csv/",
        "a\nb.csv",
    ):
        yield f"out {out[:30]!r}", ["submit", data / "test.csv", "--run", folder, "--out", out]


def test_a_command_with_hostile_options_ends_with_one_message(data, small, tmp_path):
    campaign = Campaign("settings, commands")
    files, work = tmp_path / "files", tmp_path / "work"
    files.mkdir()
    work.mkdir()
    for name, command in campaign.some(list(commands(data, small, files))):
        before = set(tmp_path.iterdir())
        result = run(command, work, before=limit_memory(6.0), timeout=90)
        if result.fault:
            campaign.fault(name, result.fault)
        elif result.megabytes > 1500:
            campaign.fault(name, f"{result.megabytes:.0f} MB")
        elif result.code and not result.err.strip():
            campaign.fault(name, "no message")
        elif set(tmp_path.iterdir()) != before:
            campaign.fault(name, "wrote elsewhere")
        campaign.counts["refused" if result.code else "done"] += 1
    campaign.finish()
