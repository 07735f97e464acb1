"""Random streams against Philox4x64-10 as its authors define it, word by word."""

import numpy as np
import pytest

from nncore.base.random import PURPOSES, dropout_mask

ONES = 2**64 - 1


def philox(counter, key):
    """One block of Philox4x64-10 (Salmon et al., 2011): four words from a counter of four and a key of two."""
    x, k = list(counter), list(key)
    for _ in range(10):
        left, right = 0xD2E7470EE14C6C93 * x[0], 0xCA5A826395121157 * x[2]
        x = [(right >> 64) ^ x[1] ^ k[0], right & ONES, (left >> 64) ^ x[3] ^ k[1], left & ONES]
        k = [(k[0] + 0x9E3779B97F4A7C15) & ONES, (k[1] + 0xBB67AE8584CAA73B) & ONES]
    return x


def test_philox_is_that_of_its_authors():
    """Known answers of their library, Random123."""
    assert philox([0] * 4, [0] * 2) == [0x16554D9ECA36314C, 0xDB20FE9D672D0FDC, 0xD7E772CEE186176B, 0x7E68B68AEC7BA23B]
    assert philox([ONES] * 4, [ONES] * 2) == [
        *(0x87B092C3013FE90B, 0x438C3C67BE8D0224),
        *(0x9CC7D7C69CD777B6, 0xA09CAEBF594F0BA0),
    ]


@pytest.mark.parametrize(("seed", "iteration", "layer"), [(0, 0, 0), (7, 3, 2), (2**64 - 1, 2**32, 5)])
def test_dropout_draws_where_it_says(seed, iteration, layer):
    """Column c of a row is 16 bits of word (c % 16) // 4 of block c // 16, at bit 16 * (c % 4)."""
    expected = np.empty((3, 37), np.int64)
    for row in range(3):
        for column in range(37):
            words = philox([column // 16, row, layer, iteration], [seed, PURPOSES["dropout"]])
            expected[row, column] = words[column % 16 // 4] >> (16 * (column % 4)) & 0xFFFF
    for rate in (2**-16, 0.25, 1 - 2**-16, expected[0, 5] / 2**16):  # in the end, where one draw is the threshold
        kept = dropout_mask(seed, iteration, layer, 3, 37, rate) != 0
        np.testing.assert_array_equal(kept, expected >= rate * 2**16)


@pytest.mark.parametrize("rate", [0.1, 0.5, 0.9])
def test_dropout_drops_its_share_and_keeps_the_mean(rate):
    rate = round(rate * 2**16) / 2**16
    mask = dropout_mask(1, 2, 3, 400, 250, rate)
    assert sorted(set(mask.ravel().tolist())) == [0, 1 / (1 - rate)]
    deviation = np.sqrt(rate * (1 - rate) / mask.size)
    assert abs((mask == 0).mean() - rate) < 4 * deviation
    assert abs(mask.mean() - 1) < 4 * deviation / (1 - rate)
    columns = np.corrcoef(mask[:, :40], rowvar=False) - np.eye(40)
    assert np.abs(columns).max() < 5 / np.sqrt(400)


def test_dropout_depends_on_every_coordinate_and_on_nothing_else():
    first = dropout_mask(1, 2, 3, 20, 40, 0.5)
    np.testing.assert_array_equal(dropout_mask(1, 2, 3, 9, 18, 0.5), first[:9, :18])
    for other in ((2, 2, 3), (1, 3, 3), (1, 2, 4)):
        assert 0.4 < (dropout_mask(*other, 20, 40, 0.5) == first).mean() < 0.6


def test_dropout_at_rate_zero_keeps_everything():
    assert (dropout_mask(0, 0, 0, 5, 20, 0.0) == 1).all()
    assert dropout_mask(0, 0, 0, 0, 20, 0.5).shape == (0, 20)
