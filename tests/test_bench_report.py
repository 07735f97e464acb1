"""What the benchmark writes: tables, picture and files, which are read back; and whether bounds are met."""

import dataclasses
import json
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
sys.path.append(str(ROOT))  # last, so that the nncore under test stays the installed one

from bench import bounds, builder, layers, many, peers, picture, readme, record, report, runners, step, training  # noqa: E402
from bench.__main__ import main  # noqa: E402
from bench.cases import CASES  # noqa: E402
from bench.timing import Protocol, Summary, Timing  # noqa: E402
from nncore.engine import processor  # noqa: E402

# -------------------------------------------------------------------------------------------------------- the tables

MACHINE = {"cpu": "Analytical Engine", "isa": "base", "platform": "Steam brass", "python": "3.11", "threads": 1}
MACHINE |= {"nncore": "1.0", "numpy": "2.0", "date": "1843-07-10", "commit": "abc"}


def timing_of(seconds, ratio, cpu_share=1.0):
    return Timing(Summary(seconds, seconds / 2, seconds * 2), Summary(ratio, ratio / 2, ratio * 2), cpu_share)


@pytest.fixture
def run():
    """With 1 thread and with 2; of the second case, no peer was timed."""
    own, floor = {"nncore": timing_of(2e-6, 1.0)}, {"floor": timing_of(1e-6, 0.5)}
    slow, slower = {"Slow": timing_of(3e-3, 1500.0)}, {"Slower": timing_of(4e-3, 2000.0)}
    results = record.results_of("2-8-8-2", report.STEP, own | floor | slower | slow)
    results += record.results_of("784-512-512-10", report.STEP, {"nncore": timing_of(8e-3, 1.0)} | floor)
    half = own | floor | {"1 thread": timing_of(3e-6, 1.5, 1.0)} | slow
    results += record.results_of("2-8-8-2", report.STEP, half, threads=2)
    roofs = [record.Roof("2-8-8-2", 1, 1e11, 2e11), record.Roof("784-512-512-10", 1, 1e11, 4e10)]
    losses = {"2-8-8-2": {"nncore": 1.0, "Slow": 1.00001, "Slower": 1.0}}
    return record.Run("training", MACHINE, Protocol(5, 0.1, threads=2), results, losses, roofs)


@pytest.fixture
def found(run):
    """What the benchmark of the peers stores."""
    return {"training": run.to_dict()}


ONE = """\
| network, batch size      |  nncore | of the floor | Slower |   Slow |
| ------------------------ | ------: | -----------: | -----: | -----: |
| 2-8-8-2 tanh, 32         | 2.00 us |          50% | 2,000x | 1,500x |
| 784-512-512-10 relu, 256 | 8.00 ms |          50% |      - |      - |"""

TWO = """\
| network          | parameters |                 nncore | GFLOP/s | of the floor | speed-up |                   Slow |\
         Slow / nncore |
| ---------------- | ---------: | ---------------------: | ------: | -----------: | -------: | ---------------------: |\
 --------------------: |
| 2-8-8-2 tanh, 32 |        114 | 2.00 us (1.00 to 4.00) |    8.70 |          50% |    1.50x | 3.00 ms (1.50 to 6.00) |\
 1,500x (750 to 3,000) |"""


def test_tables(run):
    assert report.Table(run, report.STEP, 1).short() == ONE
    assert report.Table(run, report.STEP, 2).full() == TWO


def test_full_table_names_the_best_peer(run):
    first, second = report.Table(run, report.STEP, 1).full().splitlines()[2:]
    assert "| Slow 1,500x |" in first and second.count("| - |") == 0 and second.count(" - |") == 5


def test_markdown_says_how_it_was_measured(run):
    text = report.markdown(run)
    for part in (
        "Analytical Engine (base), 1 thread and 2 threads",
        "commit abc",
        "medians of wall-clock time over 5 interleaved rounds",
        "1.0e-05 apart",
        "100 GFLOP/s and 200 GB/s for 2-8-8-2 (float32, 1 thread); 100 GFLOP/s and 40.0 GB/s for 784-512-512-10",
        "### training step, 1 thread\n\n|",
    ):
        assert part in text
    assert "busy" not in text and "Not compared" not in text and "did not keep" not in text


def test_markdown_says_whose_loss_was_not_compared(run):
    missing = dataclasses.replace(run, losses={"2-8-8-2": {"nncore": 1.0, "Slower": 1.0}})
    assert "Not compared: Slow in 2-8-8-2.\n" in report.markdown(missing)


def test_markdown_says_if_the_machine_was_busy(run):
    busy = dataclasses.replace(run.results[0], timing=timing_of(2e-6, 1.0, cpu_share=0.5))
    assert "only 50% of the time" in report.markdown(dataclasses.replace(run, results=[busy]))


def test_markdown_says_who_used_more_than_one_thread(run):
    greedy = dataclasses.replace(run.results[0], contender="Slow", timing=timing_of(2e-6, 1.0, cpu_share=1.9))
    text = report.markdown(dataclasses.replace(run, results=[*run.results, greedy]))
    assert "Slow did not keep to 1 thread: it used 1.90 processors in 2-8-8-2" in text


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.9994e-3, "999 us"), (0.9996e-3, "1.00 ms"), (5e-9, "0.01 us"), (1234.0, "1,234 s")]
)
def test_duration(seconds, text):
    assert report.duration(seconds) == text


def test_run_survives_its_file(found, run, tmp_path):
    peers.save(found, tmp_path / "new")
    assert record.Run.from_dict(peers.stored(tmp_path / "new" / "peers.json")["training"]) == run
    assert (tmp_path / "new" / "peers.md").read_text() == f"{peers.TITLE}\n\n{report.markdown(run)}"


def test_everyone_has_a_look_of_their_own():
    assert set(picture.LOOKS) == {report.FLOOR, *runners.RUNNERS}
    looks = list(picture.LOOKS.values())
    assert len({look["marker"] for look in looks}) == len({look["color"] for look in looks}) == len(looks)


def test_picture_has_a_panel_per_number_of_threads(found, tmp_path):
    pytest.importorskip("matplotlib", reason="pictures are drawn only where matplotlib is installed")
    peers.save(found, tmp_path)
    assert (tmp_path / "peers.png").read_bytes().startswith(b"\x89PNG")


def test_readme_gets_the_table(found, tmp_path):
    peers.save(found, tmp_path)
    document = tmp_path / "README.md"
    document.write_text(f"before\n\n{readme.BEGIN}\nold\n{readme.END}\n\nafter\n")
    command = ["readme", "--readme", str(document), "--results", str(tmp_path / "peers.json")]
    assert main(command) == main(command) == 0  # a second time changes nothing
    text = document.read_text()
    begin = "<!-- bench:begin -->\n### Analytical Engine\n\nTraining step with 1 thread:\n\n| network, batch size  "
    assert text.startswith(f"before\n\n{begin}")
    assert text.endswith("\n\nafter\n") and ONE in text and "with 2 threads:" in text and "old" not in text


def of_kind(found, kind):
    """What was found, as if on another kind of processor."""
    found = json.loads(json.dumps(found))
    found["training"]["machine"] |= {"cpu": "Some Cloud's", "cpu_kind": kind, "isa": "avx512"}
    found["training"]["settings"] = {"machine": found["training"]["machine"]}
    return found


def test_readme_gets_the_tables_of_each_kind(found, tmp_path, monkeypatch):
    monkeypatch.setattr(record, "RESULTS", tmp_path)
    for kind, folder in (("Intel Emerald Rapids", "intel-emerald-rapids"), ("AMD Zen 4", "amd-zen-4")):
        peers.save(of_kind(found, kind), tmp_path / folder)
    document = tmp_path / "README.md"
    document.write_text(f"{readme.BEGIN}\n{readme.END}\n")
    assert main(["readme", "--readme", str(document)]) == 0
    first, second = document.read_text().split("### ")[1:]
    assert first.startswith("AMD Zen 4\n\nTraining step with 1 thread:\n\n|") and ONE in first
    assert "|\n\nSome Cloud's (AMD Zen 4, avx512), 1 thread and 2 threads, " in first
    assert first.replace("AMD Zen 4", "Intel Emerald Rapids").split() == second.split()[:-3]
    one = ["--results", str(tmp_path / "intel-emerald-rapids" / "peers.json")]
    assert main(["readme", "--readme", str(document), *one]) == 0 and "Zen" not in document.read_text()


def test_readme_without_stored_results_stays_as_it_is(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(record, "RESULTS", tmp_path / "none")
    document = tmp_path / "README.md"
    document.write_text(f"{readme.BEGIN}old{readme.END}\n")
    assert "there are no stored results; let `python" in mistake(capsys, "readme", "--readme", str(document))
    assert "old" in document.read_text()


STORED = sorted(record.RESULTS.glob("*/*.json"))


@pytest.mark.parametrize("file", STORED, ids=lambda file: f"{file.parent.name}/{file.name}")
def test_stored_results_lie_with_their_kind(file):
    """And tables beside them, and those of the README, are what the figures say."""
    data = json.loads(file.read_text())
    parts = list(data.values()) if file.stem == "peers" else [data]
    machines = [part["machine"] for part in parts if "machine" in part]
    machines += [part["settings"]["machine"] for part in parts if "settings" in part]
    assert {processor.Processor("", machine["cpu_kind"]).slug for machine in machines} == {file.parent.name}
    module = {"step": report, "layers": layers, "builder": builder, "many": many}.get(file.stem)
    text = peers.markdown(data) if module is None else module.markdown(record.Run.from_dict(data))
    assert file.with_suffix(".md").read_text() == text


@pytest.mark.skipif(not STORED, reason="source distributions hold no results")
def test_readme_holds_what_is_stored(tmp_path):
    document = tmp_path / "README.md"
    document.write_text((ROOT / "README.md").read_text())
    assert main(["readme", "--readme", str(document)]) == 0
    assert document.read_text() == (ROOT / "README.md").read_text()


def test_complete_runs_go_to_the_folder_of_this_kind(run, monkeypatch, capsys):
    """So do those of the peers; and `check` reads them there."""
    seen = []
    monkeypatch.setattr(processor, "this", lambda: processor.Processor("", "Analytical Engine"))
    monkeypatch.setattr(record, "make_folder", seen.append)
    monkeypatch.setattr(report, "save", lambda run, text, folder: seen.append(folder))
    monkeypatch.setattr(step, "run", lambda *arguments: run)
    monkeypatch.setattr(peers, "run", lambda *arguments, **more: seen.append(arguments[4]))
    assert main(["step"]) == main(["peers"]) == 0
    assert seen == [record.RESULTS / "analytical-engine"] * 4
    assert f"cannot read {record.RESULTS / 'analytical-engine' / 'peers.json'} (" in mistake(capsys, "check")


@pytest.mark.parametrize("text", ["", f"{readme.END}{readme.BEGIN}", f"{readme.BEGIN}{readme.BEGIN}{readme.END}"])
def test_readme_without_markers_stays_as_it_is(found, tmp_path, text, capsys):
    peers.save(found, tmp_path)
    document = tmp_path / "README.md"
    document.write_text(text)
    with pytest.raises(SystemExit) as stop:
        main(["readme", "--readme", str(document), "--results", str(tmp_path / "peers.json")])
    assert stop.value.code == 2 and "bench:begin" in capsys.readouterr().err
    assert document.read_text() == text


# --------------------------------------------------------------------------------------------------------- the bounds


@pytest.mark.parametrize(
    ("name", "bound"),
    [
        ("train, 2-8-8-2, 1 thread", 10),
        ("train, 4-32-16-4, 2 threads", 10),
        ("train, 13-64-64-2, 1 thread", 2.5),
        ("train, 784-128-10, 1 thread", 1.25),
        ("train, 1024-1024-1024-10, 1 thread", 1.1),
        ("train, 13-37-3, 1 thread", 10),
        ("train, 101-77-53-7, 1 thread", 1.25),
        ("train, 784-128-10-float64, 1 thread", 1.25),
        ("share of the floor, 17-256-256-6, 1 thread", 0.87),
        ("share of the floor, 17-256-256-6, 2 threads", None),
        ("share of the floor, 8-64-64-4, 1 thread", 0.65),
        ("share of the floor, 784-128-10, 1 thread", None),
        ("speed-up, 784-128-10, 2 threads", 1.8),
        ("speed-up, 784-128-10, 4 threads", 0.97),
        ("speed-up, 13-64-64-2, 2 threads", 0.97),
        ("predict 1,024 rows, 2-8-8-2, 1 thread", 4),
        ("predict 1,024 rows, 784-128-10, 1 thread", 1.1),
        ("predict 1,024 rows, 376-256-256-17, 1 thread", 1.03),
        ("predict 32 rows, 2-8-8-2, 1 thread", None),
        ("predict 1 row, 8-64-64-4, 1 thread", 8),
        ("predict 1 row, 784-128-10, 1 thread", None),
        ("MNIST to 98 %, 1 thread", 2.5),
        ("import", None),
    ],
)
def test_bounds(name, bound):
    assert bounds.least(name) == bound


XEON, EPYC = "Intel Emerald Rapids", "AMD Zen 4"


@pytest.mark.parametrize(
    ("name", "kind", "limit"),
    [
        ("train, 2-8-8-2, 1 thread", EPYC, 1.05),
        ("train, 1024-1024-1024-10, 2 threads", XEON, 1.05),
        ("train, 784-128-10, 4 threads", XEON, None),
        ("train, 784-128-10-float64, 1 thread", XEON, None),
        ("share of the floor, 17-256-256-6, 1 thread", XEON, 0.8),
        ("share of the floor, 17-256-256-6, 2 threads", XEON, None),
        ("share of the floor, 17-256-256-6, 1 thread", EPYC, None),
        ("share of the floor, 17-256-256-6, 1 thread", "Intel Alder Lake", None),
        ("share of the floor, 13-64-64-2, 1 thread", XEON, 0.65),
        ("share of the floor, 13-64-64-2-float64, 1 thread", XEON, None),
        ("share of the floor, 784-128-10, 1 thread", XEON, None),
        ("speed-up, 784-128-10, 2 threads", EPYC, 1.7),
        ("speed-up, 784-128-10, 4 threads", EPYC, None),
        ("speed-up, 13-64-64-2, 2 threads", EPYC, None),
        ("predict 1,024 rows, 784-128-10, 1 thread", EPYC, None),
        ("MNIST to 98 %, 2 threads", XEON, 2.0),
        ("import", XEON, None),
    ],
)
def test_limits(name, kind, limit):
    assert bounds.limit(name, kind) == limit


def test_kinds_with_limits_of_their_own_exist():
    assert {*bounds.XEONS} <= {*processor._KINDS["Intel", 6]}


def test_no_limit_lies_above_its_bound():
    """Whoever meets the bound keeps the limit."""
    where = [f"{name}, {report.in_threads(threads)}" for name in CASES for threads in (1, 2)]
    names = [f"{measure}, {of}" for measure in ("train", "share of the floor", "speed-up") for of in where]
    pairs = [(bounds.limit(name, XEON), bounds.least(name)) for name in [*names, "MNIST to 98 %, 1 thread"]]
    both = [pair for pair in pairs if None not in pair]
    assert len(both) > 40 and all(limit <= least for limit, least in both)


@pytest.mark.parametrize(("kind", "kept"), [(XEON, False), (EPYC, True)])
def test_stored_results_are_judged_as_their_kind(found, kind, kept, tmp_path, capsys):
    peers.save(of_kind(found, kind), tmp_path)
    assert main(["check", "--results", str(tmp_path / "peers.json")]) == 1  # a bound is missed in any case
    below = "share of the floor, 784-512-512-10, 1 thread: 0.5, expected at least 0.8\n"
    said = f"2 of 2 limits kept on {kind}\n" if kept else f"2 of 3 limits kept on {kind}\n{below}"
    assert capsys.readouterr().out.endswith(said)


def test_limits_that_are_not_kept_are_named(capsys):
    """What is no number keeps none."""
    assert bounds.report({"speed-up, 784-128-10, 2 threads": 1.8})
    assert capsys.readouterr().out == "1 of 1 bounds met\n1 of 1 limits kept\n"
    assert not bounds.report({"train, 784-128-10, 2 threads": float("nan")})
    assert "0 of 1 limits kept\ntrain, 784-128-10, 2 threads: nan, expected at least 1.05" in capsys.readouterr().out


def test_ratios_that_fall_short_are_named_the_worst_first():
    ratios = {"train, 2-8-8-2, 1 thread": 9.0, "train, 784-128-10, 1 thread": 1.25, "anything": 0.0}
    ratios |= {"speed-up, 784-128-10, 2 threads": 0.9, "MNIST to 98 %, 2 threads": float("nan")}
    ratios |= {"microseconds of nncore, 1 row, 2-8-8-2, 1 thread": 0.8}
    short, n_compared = bounds.check(ratios)
    assert n_compared == 5 and short == [
        "MNIST to 98 %, 2 threads: nan, expected at least 2.5",
        "speed-up, 784-128-10, 2 threads: 0.9, expected at least 1.8",
        "microseconds of nncore, 1 row, 2-8-8-2, 1 thread: 0.8, expected at most 0.6",
        "train, 2-8-8-2, 1 thread: 9, expected at least 10",
    ]


@pytest.mark.parametrize("figure", [0.0, -3.0, 50.0])
def test_times_that_are_short_enough_meet_their_bound(figure):
    """That of an import over another's may be zero or negative."""
    assert bounds.check({"milliseconds of import nncore over import numpy, first use included": figure}) == ([], 1)


@pytest.mark.parametrize("figure", [0.0, -3.0, float("-inf")])
def test_ratios_that_are_not_positive_fall_short(figure):
    short, n_compared = bounds.check({"MNIST to 98 %, 1 thread": figure})
    assert n_compared == 1 and short == [f"MNIST to 98 %, 1 thread: {figure:.3g}, expected at least 2.5"]


def test_ratios_of_training(run):
    assert training.ratios(run.to_dict()) == {
        "train, 2-8-8-2, 1 thread": 1500.0,
        "share of the floor, 2-8-8-2, 1 thread": 0.5,
        "share of the floor, 784-512-512-10, 1 thread": 0.5,
        "train, 2-8-8-2, 2 threads": 1500.0,
        "share of the floor, 2-8-8-2, 2 threads": 0.5,
        "speed-up, 2-8-8-2, 2 threads": 1.5,
    }


def test_check_of_stored_results(found, tmp_path, capsys):
    peers.save(found, tmp_path)
    assert main(["check", "--results", str(tmp_path / "peers.json")]) == 1
    shown = capsys.readouterr().out
    missed = "share of the floor, 784-512-512-10, 1 thread: 0.5, expected at least 0.87\n"
    assert shown == f"3 of 4 bounds met\n{missed}2 of 2 limits kept\n"
    results = [result for result in found["training"]["results"] if result["case"] == "2-8-8-2"]
    found["training"]["results"] = results
    peers.save(found, tmp_path)
    assert main(["check", "--results", str(tmp_path / "peers.json")]) == 0


def test_check_fails_where_nothing_is_compared(tmp_path, capsys):
    peers.save({"accuracy": {"missing": "No data.", "results": []}}, tmp_path)
    assert main(["check", "--results", str(tmp_path / "peers.json")]) == 1
    shown = capsys.readouterr().out
    assert "accuracy: nothing was measured. No data.\n" in shown
    assert "nothing was compared: no figure of this run has a bound\n" in shown
    assert not peers.report_bounds({"predict": {"results": []}})


def test_check_fails_if_one_section_has_no_data(found, capsys):
    results = [result for result in found["training"]["results"] if result["case"] == "2-8-8-2"]
    found["training"]["results"] = results
    assert peers.report_bounds(found)
    assert not peers.report_bounds({**found, "accuracy": {"missing": "No data.", "results": []}})
    said = "3 of 3 bounds met\naccuracy: nothing was measured. No data.\n2 of 2 limits kept\n"
    assert capsys.readouterr().out.endswith(said)


@pytest.fixture
def sections(monkeypatch):
    """Sections that find at once how many have run before, and what they were given."""
    runs = []

    class Section:
        def __init__(self, name):
            self.name = name

        def run(self, quick, threads, peers, **more):
            runs.append(self.name)
            return {"nth": len(runs), **more}

        def markdown(self, data):
            return f"{self.name} {data['nth']}\n"

        def ratios(self, data):
            return {}

    monkeypatch.setattr(peers, "_section", Section)


def test_a_part_of_a_run_keeps_the_other_sections(sections, tmp_path, capsys):
    def run(names, threads=(1,)):
        return peers.run(names, True, list(threads), None, tmp_path)

    def stored():
        return {name: data["nth"] for name, data in peers.stored(tmp_path / "peers.json").items()}

    run(["footprint", "accuracy"])
    assert stored() == {"accuracy": 1, "footprint": 2}
    found = run(["footprint"])
    assert stored() == {"accuracy": 1, "footprint": 3}
    assert list(found) == ["footprint"] and found["footprint"]["digits"]["nth"] == 1  # memory, from the stored section
    file = tmp_path / "peers.json"
    older = json.loads(file.read_text())
    del older["accuracy"]["settings"]["machine"]["isa_bfloat16"]  # show_config did not tell it then
    file.write_text(json.dumps(older))
    run(["footprint"])
    assert stored() == {"accuracy": 1, "footprint": 4}
    run(["footprint"], threads=[1, 2])  # of another kind
    assert stored() == {"footprint": 5} and "loses accuracy: found with other settings" in capsys.readouterr().err


def test_a_part_of_a_run_replaces_no_other_file(tmp_path, capsys):
    (tmp_path / "peers.json").write_text('["mine"]')
    with pytest.raises(SystemExit) as stop:
        main(["peers", "--quick", "--sections", "footprint", "--output", str(tmp_path)])
    assert stop.value.code == 2 and "does not hold results of" in capsys.readouterr().err


NO_RESULTS = [
    "",
    "[]",
    "null",
    '{"benchmark": "peers", "results": []}',
    '{"training": {}}',
    '{"predict": [1]}',
    "\0",
    "{",
]


@pytest.mark.parametrize("content", NO_RESULTS)
@pytest.mark.parametrize("command", [["check"], ["readme", "--readme", "README.md"]])
def test_what_is_no_result_is_refused(content, command, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "README.md").write_text(f"{readme.BEGIN}\n{readme.END}\n")
    (tmp_path / "peers.json").write_text(content)
    with pytest.raises(SystemExit) as stop:
        main([*command, "--results", "peers.json"])
    said = capsys.readouterr().err
    assert stop.value.code == 2 and said.startswith("bench: peers.json does not hold results of `python -m bench peers")
    assert said.count("\n") == 1 and said.endswith("write it, or name another file\n")


def test_half_a_file_is_refused(found, tmp_path):
    text = json.dumps(found)
    (tmp_path / "peers.json").write_text(text[: len(text) // 2])
    with pytest.raises(ValueError, match=r"peers\.json does not hold results"):
        peers.stored(tmp_path / "peers.json")


def mistake(capsys, *arguments):
    """Return what a command says that ends with exit code 2."""
    with pytest.raises(SystemExit) as stop:
        main([*arguments])
    assert stop.value.code == 2
    return capsys.readouterr().err


def test_missing_files_are_named(found, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    peers.save(found, Path("stored"))
    (tmp_path / "binary.md").write_bytes(b"\xff\xfe\xff")
    no_file = (
        "No such file or directory); let `python -m bench peers --output FOLDER` of this version write it, or name"
    )
    assert f"bench: cannot read none.json ({no_file}" in mistake(capsys, "check", "--results", "none.json")
    there = ["--results", "stored/peers.json"]
    said = "bench: cannot read none.md (No such file or directory); name another document with --readme\n"
    assert mistake(capsys, "readme", "--readme", "none.md", *there) == said
    assert "cannot read binary.md (it is no UTF-8 text)" in mistake(capsys, "readme", "--readme", "binary.md", *there)


def test_readme_needs_results_of_training(tmp_path, capsys):
    (tmp_path / "text.md").write_text(f"{readme.BEGIN}\n{readme.END}\n")
    peers.save({"accuracy": {"missing": "No data.", "results": []}}, tmp_path)
    said = mistake(capsys, "readme", "--readme", str(tmp_path / "text.md"), "--results", str(tmp_path / "peers.json"))
    assert "peers.json holds no training; let `python -m bench peers` run that section, or name another" in said


@pytest.mark.parametrize("part", [["--quick"], ["--cases", "2-8-8-2"], ["--threads", "2"]], ids=" ".join)
@pytest.mark.parametrize("command", ["step", "layers"])
def test_a_part_of_a_run_does_not_replace_the_published_files(command, part, run, monkeypatch, capsys):
    for module in (step, layers):
        monkeypatch.setattr(module, "run", lambda *arguments: run)
    monkeypatch.setattr(layers, "markdown", lambda run: "table")
    monkeypatch.setattr(record, "make_folder", lambda folder: pytest.fail(f"would write to {folder}"))
    assert main([command, *part]) == 0 and capsys.readouterr().out


@pytest.mark.parametrize("command", ["step", "peers", "layers"])
def test_folder_that_cannot_be_written_is_found_before_anything_is_timed(command, tmp_path, monkeypatch, capsys):
    for module in (peers, step, layers):
        monkeypatch.setattr(module, "run", lambda *arguments, **more: pytest.fail("was run"))
    (tmp_path / "file").write_text("mine")
    said = mistake(capsys, command, "--quick", "--output", str(tmp_path / "file" / "folder"))
    assert said.startswith(f"bench: cannot write to {tmp_path / 'file' / 'folder'} (")
    assert said.endswith("); choose another folder with --output\n") and (tmp_path / "file").read_text() == "mine"


def test_trying_to_write_leaves_nothing_behind(tmp_path):
    record.make_folder(tmp_path / "new")
    assert list(tmp_path.iterdir()) == [tmp_path / "new"] and not any((tmp_path / "new").iterdir())


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (
            ["--sections", "footprint"],
            "--cases is for the sections training, predict, bfloat16; add one of them",
        ),
        (["--sections", "predict"], "the section predict times none of the cases 101-77-53-7, only 2-8-8-2, 4-16-"),
        ([], "the section predict times none of the cases"),
    ],
)
def test_cases_that_a_section_would_ignore_are_refused(arguments, said, capsys):
    assert said in mistake(capsys, "peers", "--quick", "--cases", "101-77-53-7", *arguments)


def test_cases_are_for_training_and_predictions(sections):
    names, cases = ["training", "predict", "bfloat16", "accuracy"], ["2-8-8-2"]
    found = peers.run(names, True, [1], None, None, cases=cases, clock="wall")
    assert [found[name].get("cases") for name in names] == [cases, cases, cases, None]
