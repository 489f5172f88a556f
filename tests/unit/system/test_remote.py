"""Files at addresses; ``file://`` stands for a storage (tests/cli/test_addresses.py uses S3)."""

from pathlib import Path

import pytest

from sirna.errors import SirnaError, UsageError
from sirna.system.remote import Remote


def at(path: Path) -> Remote:
    return Remote(f"file://{path}")


@pytest.mark.parametrize(
    ("path", "address"),
    [
        ("s3://bucket/folder/*.csv", "s3://bucket/folder/*.csv"),
        ("gs://bucket/a b.parquet", "gs://bucket/a b.parquet"),
        ("s3://bucket/in?region=eu-west-1", "s3://bucket/in?region=eu-west-1"),
        ("s3:////bucket/in", "s3://bucket/in"),
        ("S3://Bucket/in", "s3://Bucket/in"),
        ("s3://bucket/in/?region=eu-west-1", "s3://bucket/in?region=eu-west-1"),
        ("data/in.csv", None),
        ("/data/s3:/in.csv", None),
        ("C:/data/in.csv", None),
        ("s3", None),
    ],
)
def test_a_path_with_a_scheme_is_an_address(path, address):
    found = Remote.of(Path(path))
    assert (None if found is None else str(found)) == address


def test_the_address_of_a_file_of_this_machine_is_refused_with_its_path():
    with pytest.raises(UsageError, match=r"give its path, /data/in\.csv\."):
        Remote.of(Path("file:///data/in.csv"))


@pytest.mark.parametrize(
    "address",
    [
        "s3://name:word@bucket/in",
        "s3://name:wo/word@bucket/in",
        "S3://name:word@bucket/in?region=a",
        "abfs://box@account/in?client_id=a&client_secret=word",
        "abfs://box@account/in?sig=word",
        "s3://bucket/in?secret_key=word&region=a",
        "file://name:word@host/in",
        "ftp://name:word@host/in",
    ],
)
def test_an_address_with_a_secret_is_refused_without_repeating_it(address):
    with pytest.raises(UsageError, match="addresses are printed and logged") as refused:
        Remote.of(Path(address))
    assert "word" not in str(refused.value)


@pytest.mark.parametrize("address", ["abfs://box@account/in", "s3://b/key=1/in?region=a"])
def test_an_address_without_a_secret_is_read(address):
    assert str(Remote.of(Path(address))) == address


@pytest.mark.parametrize("address", ["http://a/b", "gopher://a/b", "ftp://a/b"])
def test_schemes_that_are_not_known_are_refused_with_those_that_are(address):
    with pytest.raises(UsageError, match="begins with s3://, gs://, abfs://, hdfs://"):
        Remote.of(Path(address))


def test_a_question_mark_is_no_wildcard():
    with pytest.raises(UsageError, match=r"stands for no letter, use \*"):
        Remote.of(Path("s3://bucket/in/?.*"))


@pytest.mark.parametrize("options", ["", "?region=a", "?endpoint_override=h:1&scheme=http"])
@pytest.mark.parametrize("slash", ["", "/"])
def test_options_stay_at_the_end_of_the_address(options, slash):
    folder = Remote.of(Path(f"s3://bucket/in{slash}{options}"))
    child = folder.child("a.csv")
    assert str(child) == f"s3://bucket/in/a.csv{options}"
    assert (folder.name, child.name, child.place) == ("in", "a.csv", "s3://bucket/in/a.csv")


@pytest.mark.parametrize(
    ("pattern", "names"),
    [
        ("", ["a.csv", "b.csv", "c.txt"]),
        ("/*", ["a.csv", "b.csv", "c.txt"]),
        ("/*.csv", ["a.csv", "b.csv"]),
        ("/[bc].*", ["b.csv", "c.txt"]),
        ("/b.csv", ["b.csv"]),
        ("/x*", []),
        ("/nothing", []),
    ],
)
def test_files_of_a_folder_are_found_by_name(pattern, names, tmp_path):
    for name in ("b.csv", "a.csv", "c.txt", ".hidden.csv"):
        (tmp_path / name).write_text(name * 2)
    (tmp_path / "folder.csv").mkdir()
    found = at(Path(f"{tmp_path}{pattern}")).files()
    assert [file.name for file in found] == names
    assert [file.size for file in found] == [2 * len(name) for name in names]
    assert all(file.changed > 0 and file.exists() for file in found)


def test_only_the_last_name_may_be_a_pattern(tmp_path):
    with pytest.raises(UsageError, match="only the last name may be a pattern"):
        at(tmp_path / "*" / "a.csv").files()


@pytest.mark.parametrize("name", ["two", "two words", "two.csv.gz", "zwei?*%20"])
@pytest.mark.parametrize("size", [0, 1, 3_000_000])
def test_a_file_is_published_and_fetched_as_it_is(size, name, tmp_path):
    data = bytes(range(256)) * (size // 256) + bytes(size % 256)
    (tmp_path / "one").write_bytes(data)
    remote = at(tmp_path / "new folder" / "below").child(name)
    assert not remote.exists()
    remote.publish(tmp_path / "one")
    assert remote.exists()
    remote.fetch(tmp_path / "copies" / "three")
    assert (tmp_path / "copies" / "three").read_bytes() == data
    assert [path.name for path in (tmp_path / "new folder" / "below").iterdir()] == [name]


def test_an_older_file_stays_if_a_new_one_cannot_be_written(tmp_path, monkeypatch):
    (tmp_path / "new").write_bytes(b"new")
    (tmp_path / "old").write_bytes(b"old")

    def full(source, target, *_):
        target.write(b"ne")
        raise OSError("no space")

    monkeypatch.setattr("shutil.copyfileobj", full)
    with pytest.raises(SirnaError, match="no space"):
        at(tmp_path / "old").publish(tmp_path / "new")
    assert (tmp_path / "old").read_bytes() == b"old"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["new", "old"]


@pytest.mark.parametrize("address", ["gopher://a/b", "s3://", "no address", "hdfs"])
def test_what_cannot_be_used_is_named(address):
    for use in (Remote.exists, Remote.files):
        with pytest.raises(SirnaError, match="cannot be used"):
            use(Remote(address))


def test_a_file_that_is_absent_is_named(tmp_path):
    with pytest.raises(SirnaError, match="nothing: cannot be used"):
        at(tmp_path / "nothing").fetch(tmp_path / "copy")
