"""The weights of a Gaussian process, solved for by blocks of rows."""

import numpy as np
import pytest

from sirna.errors import SirnaError
from sirna.members.solve import BLOCK_ROWS, Whitening, solve
from sirna.system import threads
from sirna.system.threads import one_thread

SIZES = [1, 2, BLOCK_ROWS - 1, BLOCK_ROWS, BLOCK_ROWS + 1, 2 * BLOCK_ROWS + 77]


def covariances(rows, seed=0, noise=0.3):
    places = np.random.default_rng(seed).normal(size=(rows, 3))
    apart = ((places[:, None] - places) ** 2).sum(axis=2)
    return np.exp(-apart / 2) + noise * np.eye(rows)


def columns_of(matrix):
    return lambda start, stop: matrix[:stop, start:stop].astype(np.float32)


def labels(rows):
    return np.random.default_rng(5).normal(size=rows)


@pytest.mark.parametrize("rows", SIZES)
def test_weights_and_blocks_of_the_inverse_are_those_of_the_matrix(rows):
    matrix = covariances(rows)
    found = solve(columns_of(matrix), labels(rows), "family")
    inverse = np.linalg.inv(matrix)
    np.testing.assert_allclose(found.weights, inverse @ labels(rows), atol=2e-3)
    rng = np.random.default_rng(1)
    for size in {1, min(rows, 5), rows}:
        some = np.sort(rng.choice(rows, size, replace=False))
        block = found.whitening.inverse_at(some)
        np.testing.assert_allclose(block, inverse[np.ix_(some, some)], atol=2e-3)
    diagonal = found.whitening.inverse_diagonal()
    np.testing.assert_allclose(diagonal, np.diag(inverse), atol=2e-3)


@pytest.mark.parametrize("groups", ["rows", "pairs", "one and many", "all but one"])
def test_means_without_a_group_are_those_of_the_other_rows_alone(groups):
    rows = BLOCK_ROWS + 40
    places = np.random.default_rng(2).permutation(rows)
    group = {
        "rows": places,
        "pairs": places // 2,
        "one and many": np.where(places < 300, places, rows),
        "all but one": np.minimum(places, 1),
    }[groups]
    matrix = covariances(rows)
    found = solve(columns_of(matrix), labels(rows), "family").without_groups(group)
    for one in np.unique(group)[:: max(1, len(np.unique(group)) // 9)]:
        held = group == one
        weights = np.linalg.solve(matrix[np.ix_(~held, ~held)], labels(rows)[~held])
        expected = matrix[np.ix_(held, ~held)] @ weights
        np.testing.assert_allclose(found[held], expected, atol=2e-3)


@pytest.mark.parametrize("first", [1, 100, BLOCK_ROWS, BLOCK_ROWS + 200])
def test_a_whitening_that_grows_solves_for_all_rows(first):
    matrix = covariances(2 * BLOCK_ROWS)
    begun = Whitening()
    begun.grow(columns_of(matrix[:first, :first]), first)
    grown = solve(columns_of(matrix), labels(len(matrix)), "family", begun)
    at_once = solve(columns_of(matrix), labels(len(matrix)), "family")
    np.testing.assert_allclose(grown.weights, at_once.weights, atol=2e-3)
    assert len(grown.whitening) == len(matrix)


@pytest.mark.parametrize("cores", [2, 5])
def test_the_number_of_threads_changes_no_bit(cores, monkeypatch):
    rows = 4 * BLOCK_ROWS + 30
    columns = columns_of(covariances(rows))
    with one_thread():
        monkeypatch.setattr(threads, "free_cores", lambda: 1)
        alone = solve(columns, labels(rows), "family")
        monkeypatch.setattr(threads, "free_cores", lambda: cores)
        together = solve(columns, labels(rows), "family")
    assert alone.weights.tobytes() == together.weights.tobytes()
    for one, other in zip(alone.whitening.blocks, together.whitening.blocks, strict=True):
        assert one.tobytes() == other.tobytes()


def test_only_covariances_with_new_rows_are_computed():
    matrix, asked = covariances(BLOCK_ROWS + 60), []

    def columns(start, stop):
        asked.append((start, stop))
        return columns_of(matrix)(start, stop)

    begun = Whitening()
    begun.grow(columns, BLOCK_ROWS)
    solve(columns, labels(len(matrix)), "family", begun)
    assert asked == [(0, BLOCK_ROWS), (BLOCK_ROWS, BLOCK_ROWS + 60)]


def test_half_of_the_matrix_is_kept():
    whitening = Whitening()
    whitening.grow(columns_of(covariances(4 * BLOCK_ROWS)), 4 * BLOCK_ROWS)
    kept = sum(block.size for block in whitening.blocks)
    assert kept == pytest.approx(0.625 * (4 * BLOCK_ROWS) ** 2)


def test_what_is_stored_is_read_back(tmp_path):
    path, whitening = tmp_path / "new" / "kept.npz", Whitening()
    whitening.grow(columns_of(covariances(BLOCK_ROWS + 9)), BLOCK_ROWS + 9)
    whitening.save(path)
    read = Whitening.load(path)
    for one, other in zip(whitening.blocks, read.blocks, strict=True):
        np.testing.assert_array_equal(one, other)
    assert [file.name for file in path.parent.iterdir()] == ["kept.npz"]


@pytest.mark.parametrize("damage", ["absent", "empty", "text", "cut", "bits", "folder"])
def test_a_file_that_is_absent_or_damaged_is_not_read(damage, tmp_path):
    path, whitening = tmp_path / "kept.npz", Whitening()
    whitening.grow(columns_of(covariances(300)), 300)
    whitening.save(path)
    stored = path.read_bytes()
    path.unlink()
    if damage == "folder":
        path.mkdir()
    elif damage != "absent":
        middle = len(stored) // 2
        changed = bytes(255 - byte for byte in stored[middle : middle + 4])
        path.write_bytes(
            {
                "empty": b"",
                "text": b"PK nothing",
                "cut": stored[:middle],
                "bits": stored[:middle] + changed + stored[middle + 4 :],
            }[damage]
        )
    assert Whitening.load(path) is None


@pytest.mark.parametrize("rows", [3, BLOCK_ROWS + 3])
def test_covariances_that_are_not_positive_definite_are_refused_with_the_remedy(rows):
    matrix = covariances(rows)
    matrix[-1, -1] = 0.0
    matrix[-1, 0] = matrix[0, -1] = 1.0
    with pytest.raises(SirnaError, match=r"my family cannot be solved.*lower my_family\.learning"):
        solve(columns_of(matrix), labels(rows), "my_family")
