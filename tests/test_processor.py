"""What is told of the processor: by its own word, as /proc and /sys tell it, and what a core of it reaches."""

import dataclasses
import json
import platform
from pathlib import Path

import pytest

from nncore import cli, engine, show_config
from nncore._engine import runtime
from nncore.engine import peak, processor, select

CPUINFO, CACHES = Path("/proc/cpuinfo"), Path("/sys/devices/system/cpu/cpu0/cache")
X86 = platform.machine() in ("x86_64", "AMD64", "i386", "i686")


def cpuid(vendor, signature, *, leaf7=(0, 0, 0, 0), leaf7_1=(0, 0, 0, 0), caches=()):
    """CPUID of a processor: its caches are (leaf, type and level, ways - 1 and line - 1, sets - 1)."""
    ebx, edx, ecx = (int.from_bytes(vendor[i : i + 4].encode(), "little") for i in (0, 4, 8))
    found = {(0, 0): (0x20, ebx, ecx, edx), (1, 0): (signature, 0, 1 << 12, 0), (7, 0): leaf7, (7, 1): leaf7_1}
    for i, (leaf, eax, rest, sets) in enumerate(caches):
        found[leaf, i] = (eax, rest, sets, 0)
    return lambda leaf, subleaf: found.get((leaf, subleaf), (0, 0, 0, 0) if leaf in (4, 7) else None)


AVX = 0x7
AVX512 = AVX | 0xE0
AMX = AVX512 | 0x60000
ALL_512 = 1 << 5 | 1 << 16 | 1 << 17 | 1 << 30 | 1 << 31
EMERALD_RAPIDS = cpuid(
    "GenuineIntel", 0x000C06F2,
    leaf7=(1, ALL_512, 1 << 11, 1 << 22 | 1 << 23 | 1 << 24 | 1 << 25), leaf7_1=(1 << 4 | 1 << 5, 0, 0, 0),
    caches=[(4, 0x121, 11 << 22 | 63, 63), (4, 0x122, 7 << 22 | 63, 63), (4, 0x143, 15 << 22 | 63, 2047)],
)  # fmt: skip
ZEN_4 = cpuid(
    "AuthenticAMD", 0x00A10F11, leaf7=(1, ALL_512, 1 << 11, 0), leaf7_1=(1 << 5, 0, 0, 0),
    caches=[(0x8000001D, 0x121, 7 << 22 | 63, 63), (0x8000001D, 0x122, 7 << 22 | 63, 63),
            (0x8000001D, 0x143, 7 << 22 | 63, 2047), (0x8000001D, 0x163, 15 << 22 | 63, 32767)],
)  # fmt: skip
XEON = processor.read(EMERALD_RAPIDS, AMX, "INTEL(R) XEON(R) PLATINUM 8592+")
NO_CPUID = processor.read(lambda leaf, subleaf: None, 0, "")


# ------------------------------------------------------------------------------------------------------- its own word


def test_a_xeon_with_amx():
    assert (XEON.kind, XEON.slug) == ("Intel Emerald Rapids", "intel-emerald-rapids")
    assert (XEON.vendor, XEON.numbers) == ("Intel", (6, 0xCF, 2))
    names = "fma avx2 avx_vnni avx512f avx512dq avx512bw avx512vl avx512_vnni avx512_bf16 avx512_fp16"
    assert XEON.extensions == dict.fromkeys(f"{names} amx_tile amx_bf16 amx_int8".split(), True)
    assert XEON.caches == {"L1d": 48 << 10, "L2": 2 << 20}


@pytest.mark.parametrize(("saved", "usable"), [(AMX, 13), (AVX512, 10), (AVX, 3), (0, 0)])
def test_what_the_system_does_not_save_is_no_use(saved, usable):
    extensions = processor.read(EMERALD_RAPIDS, saved, "").extensions
    assert len(extensions) == 13 and list(extensions.values()) == [True] * usable + [False] * (13 - usable)


def test_an_epyc():
    epyc = processor.read(ZEN_4, AVX512, "AMD EPYC")
    assert (epyc.kind, epyc.slug, epyc.numbers) == ("AMD Zen 4", "amd-zen-4", (25, 17, 1))
    assert "avx512_bf16" in epyc.extensions and not any(name.startswith("amx") for name in epyc.extensions)
    assert epyc.caches == {"L1d": 32 << 10, "L2": 1 << 20, "L3": 32 << 20}


@pytest.mark.parametrize(
    ("vendor", "signature", "kind"),
    [
        ("GenuineIntel", 0x000306C3, "Intel Haswell"),
        ("GenuineIntel", 0x00050657, "Intel Skylake server"),
        ("GenuineIntel", 0x000606A6, "Intel Ice Lake server"),
        ("GenuineIntel", 0x000806F8, "Intel Sapphire Rapids"),
        ("GenuineIntel", 0x000A06D1, "Intel Granite Rapids"),
        ("AuthenticAMD", 0x00830F10, "AMD Zen 2"),
        ("AuthenticAMD", 0x00A00F11, "AMD Zen 3"),
        ("AuthenticAMD", 0x00A60F12, "AMD Zen 4"),
        ("AuthenticAMD", 0x00B00F21, "AMD Zen 5"),
        ("GenuineIntel", 0x000FFFF0, "Intel Some CPU"),  # a model, a family and makers that no table has
        ("AuthenticAMD", 0x0FF00F10, "AMD Some CPU"),
        ("HygonGenuine", 0x00900F01, "Hygon Some CPU"),
        ("  Shanghai  ", 0x000306C3, "Shanghai Some CPU"),
    ],
)
def test_kinds(vendor, signature, kind):
    assert processor.read(cpuid(vendor, signature), AVX512, "Some CPU").kind == kind


def test_no_model_is_of_two_kinds():
    for kinds in processor._KINDS.values():
        models = [model for of_kind in kinds.values() for model in of_kind]
        assert len(models) == len(set(models))


def test_maker_and_name_stand_for_a_kind_that_is_not_known():
    """The maker but once, and the words of a folder's name are those that any system takes."""
    unknown = processor.read(cpuid("GenuineIntel", 0x000FFFF0), 0, "Intel(R) Xeon(R) CPU @ 2.20GHz")
    assert (unknown.kind, unknown.slug) == ("Intel(R) Xeon(R) CPU @ 2.20GHz", "intel-r-xeon-r-cpu-2-20ghz")
    assert processor.Processor("", "").slug == "unknown"


def test_without_cpuid_a_name_is_all_there_is(monkeypatch):
    for name, machine, kind in (("", "aarch64", "aarch64"), ("arm", "arm64", "arm"), ("", "", "unknown")):
        monkeypatch.setattr(platform, "processor", lambda name=name: name)
        monkeypatch.setattr(platform, "machine", lambda machine=machine: machine)
        assert processor.read(lambda leaf, subleaf: None, 0, "") == processor.Processor(name, kind)


# ---------------------------------------------------------------------------------------------- as others tell it here


@pytest.mark.skipif(not (X86 and CPUINFO.exists()), reason="needs x86 and /proc/cpuinfo")
def test_linux_reads_the_same():
    lines = [line.partition(":") for line in CPUINFO.read_text().split("\n\n")[0].splitlines()]
    told = {name.strip(): value.strip() for name, _, value in lines}
    this = processor.this()
    assert this.numbers == tuple(int(told[name]) for name in ("cpu family", "model", "stepping"))
    assert (
        this.vendor == processor._VENDORS.get(told["vendor_id"], told["vendor_id"]) and this.name == told["model name"]
    )
    usable = {name for name, saved in this.extensions.items() if saved}
    assert usable == {*told["flags"].split()} & {*processor._EXTENSIONS}
    assert runtime.cpuid(runtime.cpuid(0, 0)[0] + 1, 0) is None  # beyond the last leaf


@pytest.mark.skipif(not (X86 and (CACHES / "index0" / "size").exists()), reason="needs x86 and /sys")
def test_linux_knows_the_same_caches():
    told = {}
    for index in sorted(CACHES.glob("index*")):
        level, kind, size = ((index / name).read_text().strip() for name in ("level", "type", "size"))
        if kind != "Instruction":
            told[f"L{level}{'d' if kind == 'Data' else ''}"] = int(size.removesuffix("K")) << 10
    assert processor.this().caches == told


def test_the_engine_and_this_agree_on_what_may_run():
    extensions = processor.this().extensions or {}
    level = 2 if extensions.get("avx512vl") and extensions.get("avx512dq") and extensions.get("avx512bw") else 0
    level = level or (1 if extensions.get("avx2") and extensions.get("fma") else 0)
    if level == 2 and extensions.get("avx512_bf16"):
        level = 4 if extensions.get("amx_tile") and extensions.get("amx_bf16") else 3
    assert runtime.cpu_level() == level


# ------------------------------------------------------------------------------------------------------------ the peak


@pytest.mark.parametrize(("chooses", "isas"), [(False, [engine.ISA]), (True, ["avx512vl", "avx512"])])
def test_peak_is_the_best_turn_of_each_module_in_use(chooses, isas, monkeypatch):
    """On a clock that is always right: a module does 1e9 operations a second, then twice as many, then as before."""
    clock, turns = [0.0], []

    class Module:
        def __init__(self, *which):
            self.which = which

        def _multiply_adds(self, n):
            turns.append((self.which, n))
            nth = sum(which == self.which for which, _ in turns)
            clock[0] += n / (2e9 if nth == 2 else 1e9)
            return n

    monkeypatch.setattr(peak, "CHOOSES_VECTORS", chooses)
    monkeypatch.setattr(peak, "module", Module)
    monkeypatch.setattr(peak.time, "perf_counter", lambda: clock[0])
    assert peak.measure() == {dtype: pytest.approx(dict.fromkeys(isas, 2.0)) for dtype in ("float32", "float64")}
    assert [which for which, _ in turns[: 2 * len(isas)]] == [(isa, dt) for dt in engine.BITS for isa in isas]
    assert {n for _, n in turns} == {10**6, 2 * 10**6, 4 * 10**6} and clock[0] < 0.15


# ------------------------------------------------------------------------------------------------------------ the info


@pytest.mark.parametrize(
    ("this", "lines"),
    [
        (XEON, ["cpu_kind Intel Emerald Rapids", "cpu_vendor Intel", "cpu_numbers family 6, model 207, stepping 2"]),
        (XEON, ["amx tile, bf16, int8; on Linux a process must first ask for its registers"]),
        (XEON, ["caches L1d 48 KiB, L2 2,048 KiB"]),
        (
            dataclasses.replace(XEON, extensions={"avx512f": True, "amx_tile": False}),
            ["extensions avx512f", "amx tile; of no use: the system does not save its registers"],
        ),
        (dataclasses.replace(XEON, extensions={}, caches=None), ["extensions none", "amx no", "caches not known"]),
        (NO_CPUID, [f"cpu_kind {NO_CPUID.kind}", "cpu_vendor not known", "cpu_numbers not known"]),
        (NO_CPUID, ["extensions not known", "amx not known", "caches not known"]),
    ],
)
def test_info(this, lines, monkeypatch, capsys):
    monkeypatch.setattr(processor, "this", lambda: this)
    assert cli.main(["info"]) == 0
    shown = [" ".join(line.split()) for line in capsys.readouterr().out.splitlines()]
    assert {*lines} <= {*shown}
    assert cli.main(["info", "--json"]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert (facts["cpu"], facts["cpu_kind"]) == (this.name, this.kind)
    assert facts["cpu_numbers"] == (this.numbers and [*this.numbers]) and facts["caches"] == this.caches


def test_show_config_names_the_kind():
    assert show_config()["cpu_kind"] == processor.this().kind != ""
    assert select.runtime.cpu_halves_512() == (processor.this().kind in ("AMD Zen 3", "AMD Zen 4"))
