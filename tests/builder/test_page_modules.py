"""What the page's modules compute without a document: tests that Node runs, and what is said to the server."""

import importlib.util
import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from nncore.builder import frames, messages, presets, session

PAGE = Path(importlib.util.find_spec("nncore.builder").origin).parent / "static"
TESTS = Path(__file__).parent / "page"
NODE = shutil.which("node")

pytestmark = pytest.mark.skipif(NODE is None, reason="there is no node on the path to run the page's modules with")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """The page's modules and their tests side by side, where Node takes them for modules."""
    found = tmp_path_factory.mktemp("page")
    shutil.copytree(PAGE, found / "static")
    shutil.copytree(TESTS, found / "page")
    (found / "package.json").write_text('{"type": "module"}', encoding="utf-8")
    return found


def node(folder, *arguments):
    return subprocess.run([NODE, *arguments], cwd=folder, capture_output=True, text=True, timeout=60, encoding="utf-8")


def test_modules(folder):
    files = sorted(path.relative_to(folder).as_posix() for path in (folder / "page").glob("*.test.js"))
    done = node(folder, "--test", "--test-reporter=tap", *files)
    assert done.returncode == 0, done.stdout
    assert int(re.search(r"^# pass (\d+)", done.stdout, re.MULTILINE)[1]) > len(files)


def test_a_mistake_would_be_noticed(folder):
    wrong = folder / "page" / "wrong.js"
    wrong.write_text(
        'import assert from "node:assert/strict";\nimport test from "node:test";\n'
        'import { figure } from "../static/core/format.js";\n'
        'test("wrong", () => assert.equal(figure(1), "2"));\n',
        encoding="utf-8",
    )
    assert node(folder, "--test", "page/wrong.js").returncode != 0


def test_the_server_knows_every_message(folder):
    """Each type that the page may send, and each of its fields, is one that the server reads."""
    script = 'import { MESSAGES } from "./static/core/messages.js"; console.log(JSON.stringify(MESSAGES));'
    told = json.loads(node(folder, "--input-type=module", "--eval", script).stdout)
    assert set(told) <= set(messages.TYPES)
    unknown = {kind: set(fields) - set(messages.TYPES[kind].fields) for kind, fields in told.items()}
    assert {kind: fields for kind, fields in unknown.items() if fields} == {}


def test_the_page_knows_what_of_a_frame_is_no_curve(folder):
    """All else of the first frame begins a curve, so it must be a column of the history."""
    script = 'import { NO_COLUMNS } from "./static/core/curves.js"; console.log(JSON.stringify([...NO_COLUMNS]));'
    told = set(json.loads(node(folder, "--input-type=module", "--eval", script).stdout))
    started = session.Session(presets.setup_of("xor"))
    started.step_epoch()
    assert set(frames.frame(started.run, 0)) - told == set(started.run.model.history.columns)
