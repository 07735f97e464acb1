"""The pages in docs/: their examples run and print what is shown, and the reference has a page for every module."""

import doctest
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

import nncore

DOCS = Path(__file__).resolve().parent.parent / "docs"
PAGES = sorted(path.stem for path in (DOCS / "guide").glob("*.md"))
FLAGS = doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS


def text_of(page):
    return (DOCS / "guide" / f"{page}.md").read_text(encoding="utf-8")


def blocks(page, language):
    return re.findall(rf"^```{language}\n(.*?)^```$", text_of(page), re.DOTALL | re.MULTILINE)


@pytest.mark.parametrize("page", [page for page in PAGES if blocks(page, "python")])
def test_examples(page, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    test = doctest.DocTestParser().get_doctest("\n".join(blocks(page, "python")), {}, page, f"{page}.md", 0)
    assert test.examples
    assert doctest.DocTestRunner(optionflags=FLAGS).run(test).failed == 0


def without_times(text):
    return re.sub(r"in \d+(\.\d+)? s", "in ... s", text)


def test_commands(tmp_path):
    sessions = blocks("command_line", "console")
    assert sessions
    for session in sessions:
        command, shown = session.split("\n", 1)
        assert command.startswith("$ nncore ")
        arguments = [sys.executable, "-m", "nncore", *shlex.split(command)[2:]]
        printed = subprocess.run(arguments, cwd=tmp_path, capture_output=True, text=True, check=True).stdout
        assert without_times(printed) == without_times(shown)


def test_every_page_has_examples():
    assert [page for page in PAGES if not blocks(page, "python") and not blocks(page, "console")] == []


def test_every_page_of_the_guide_is_in_the_table_of_contents():
    index = (DOCS / "index.md").read_text(encoding="utf-8")
    assert sorted(re.findall(r"^guide/(\w+)$", index, re.MULTILINE)) == PAGES


def test_every_picture_is_listed():
    rows = [line for line in text_of("pictures").splitlines() if line.startswith("| ") and "`" in line]
    assert set(re.findall(r"`(\w+)`", "".join(rows))) == set(nncore.plots.__all__)


def test_the_reference_has_a_page_for_every_module():
    listed = re.findall(
        r"^generated/reference/(\w+)$", (DOCS / "reference.md").read_text(encoding="utf-8"), re.MULTILINE
    )
    assert sorted(listed) == sorted({*nncore.MODULES, *nncore.HOMES})
