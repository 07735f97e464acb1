"""The benchmark of streamed training: what it says of what it found. Streaming itself is tested in test_streaming."""

from bench import streaming
from bench.__main__ import main


def test_check_fails_for_what_is_slower_or_takes_more_memory(monkeypatch, capsys):
    good = streaming.Found(streaming.WAYS[0], 1000, 5e5, 0.95, 200 * 2**20)
    slow, large = good._replace(ratio=0.89), good._replace(peak=401 * 2**20)
    for found, code, said in ((good, 0, ""), (slow, 1, "0.89 of the rate in memory"), (large, 1, "401 MB")):
        monkeypatch.setattr(streaming, "measure", lambda *_, found=found: found)
        assert main(["streaming", "--gigabytes", "0.001", "--check"]) == code
        shown = capsys.readouterr()
        assert said in shown.err
        assert "| 784-128-10 of uint8 | 1,000 | 500,000 |" in shown.out
    assert main(["streaming", "--gigabytes", "0.001"]) == 0
