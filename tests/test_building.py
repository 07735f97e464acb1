"""What is compiled anew: whatever its contents, flags or tools are no longer those that it was made of, and no more."""

import os
import runpy

import pytest
from conftest import ROOT

pytestmark = pytest.mark.skipif(not (ROOT / "building.py").is_file(), reason="needs the source folder")


@pytest.fixture
def building():
    return runpy.run_path(str(ROOT / "building.py"))


@pytest.fixture
def sources(tmp_path):
    """Two headers, and a third that is not there yet."""
    for name in ("a.h", "b.h"):
        (tmp_path / name).write_text(f"int {name[0]};")
    return lambda: tmp_path.glob("*.h")


def test_a_fingerprint_is_of_contents_and_not_of_times(building, sources, tmp_path):
    before = building["fingerprint"](sources(), ["-O3"])
    os.utime(tmp_path / "a.h")
    assert building["fingerprint"](sources(), ["-O3"]) == before
    keys = {before}
    for change in (
        lambda: (tmp_path / "a.h").write_text("int a; /* longer */"),
        lambda: ((tmp_path / "a.h").write_text("int b;"), (tmp_path / "b.h").write_text("int a;")),  # exchanged
        lambda: (tmp_path / "c.h").write_text(""),
        lambda: (tmp_path / "c.h").rename(tmp_path / "d.h"),
        lambda: (tmp_path / "d.h").unlink() or (tmp_path / "b.h").unlink(),
    ):
        change()
        keys.add(building["fingerprint"](sources(), ["-O3"]))
    assert len(keys) == 6


def test_words_are_not_run_together(building):
    lists = [], [""], [None], ["None"], ["-O3"], [["-O3"]], ["-O3", ""], ["-O", "3"], ["-O3", "-g"], ["-g", "-O3"]
    assert len({building["fingerprint"]([], words) for words in lists}) == len(lists)


def test_what_was_made_is_current_until_it_or_its_key_changes(building, tmp_path):
    made, stamp = tmp_path / "module.so", tmp_path / "temp" / "module.stamp"
    is_current, mark = building["is_current"], building["mark"]
    assert not is_current(made, stamp, "key")
    made.write_bytes(b"compiled")
    assert not is_current(made, stamp, "key")  # nobody knows of what
    mark(made, stamp, "key")
    assert is_current(made, stamp, "key")
    assert not is_current(made, stamp, "other key")
    made.write_bytes(b"compile")  # another build was interrupted, or another compiled it
    assert not is_current(made, stamp, "key")
    made.unlink()
    assert not is_current(made, stamp, "key")
