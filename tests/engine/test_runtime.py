"""The engine beside the rest of the process: signals, forks, other threads, the choice of the instruction set."""

import os
import signal
import subprocess
import sys
import threading
import time

import numpy as np
import pytest
from engine_networks import data, make_plan, network, state

from nncore import SGD, Adam, Dense, engine
from nncore.engine import select
from nncore.program import lower

PROGRAM = network([40, 150, 90, 10])


def long_training(n_threads, seconds=30):
    """Train until a signal comes; return the plan and the time the signal needed."""
    engine.set_num_threads(n_threads)
    X, target = data(PROGRAM, 3200, "float32")
    plan = make_plan(engine.load("float32"), PROGRAM, Adam(), scale=0.1)
    sent = []
    timer = threading.Timer(0.3, lambda: (sent.append(time.perf_counter()), os.kill(os.getpid(), signal.SIGINT)))
    timer.start()
    with pytest.raises(KeyboardInterrupt):
        plan.train(X, target, None, epochs=10**6, batch_size=160, max_seconds=seconds)
    return plan, time.perf_counter() - sent[0]


@pytest.fixture
def ctrl_c():
    """Ctrl-C raises, also where the tests were started with it ignored: by nohup, or in the background."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("ctrl_c")
@pytest.mark.parametrize("n_threads", [1, 2])
def test_interrupt_stops_within_200_ms_and_leaves_a_usable_plan(n_threads, threads):
    plan, latency = long_training(n_threads)
    assert latency < 0.2
    X, target = data(PROGRAM, 3200, "float32")
    before = plan.iterations
    assert np.isfinite(plan.evaluate(X, target))
    plan.train(X, target, None, batch_size=160)
    assert plan.iterations == before + 20


def interrupted(plan, X, target, after, **options):
    """Train until a signal comes after some seconds; return how late it took effect."""
    due = time.perf_counter() + after
    signal.setitimer(signal.ITIMER_REAL, after)
    with pytest.raises(KeyboardInterrupt):
        plan.train(X, target, None, **options)
    return time.perf_counter() - due


@pytest.fixture
def alarm():
    before = signal.signal(signal.SIGALRM, signal.default_int_handler)
    yield
    signal.setitimer(signal.ITIMER_REAL, 0)
    signal.signal(signal.SIGALRM, before)


def test_interrupt_of_a_step_that_takes_seconds(alarm, threads):
    """Polls between tiles of rows; the unfinished batch changes nothing and counts for nothing."""
    threads(1)
    program = network([500, 1000, 1000, 10], "relu")
    X, target = data(program, 20000, "float32")
    plan = make_plan(engine.load("float32"), program, Adam(), scale=0.03)
    before = state(plan)
    assert interrupted(plan, X, target, 0.3, epochs=5, batch_size=20000) < 0.2
    assert len(plan.result.losses) == 0
    assert state(plan) == before


def test_interrupt_of_gradients_and_updates(alarm, threads):
    """The stages of a wide layer's weights take longer than those of a batch's rows: they poll as well."""
    threads(1)
    program = network([4096, 4096, 1], "relu", "mse")
    X, target = data(program, 1024, "float32")
    plan = make_plan(engine.load("float32"), program, Adam(), scale=0.01)
    before = state(plan)
    for after in np.linspace(0.1, 0.8, 6):
        assert interrupted(plan, X, target, after, epochs=10**6, batch_size=1024, max_seconds=9) < 0.2
        if not len(plan.result.losses):
            assert state(plan) == before
        before = state(plan)


def test_interrupt_of_a_shuffle(alarm):
    program = network([1, 1], loss="mse")
    X = np.zeros((30_000_000, 1), np.float32)
    plan = make_plan(engine.load("float32"), program, SGD(0.1))
    before = state(plan)
    seen = []
    for after in (0.05, 0.15, 0.25):
        watcher = lambda *progress: seen.append(progress)  # noqa: E731
        assert interrupted(plan, X, X, after, epochs=10**6, batch_size=10**6, watcher=watcher) < 0.2
        assert state(plan) == before
    assert seen[0][:2] == (0, 0)
    assert np.isnan(seen[0][2])


def test_interrupt_of_a_predictor(alarm):
    program = network([4096, 2048, 1], loss="mse")
    module = engine.load("float32")
    flat = np.zeros(program.n_parameters, np.float32)
    predictor, X = module.Predictor(program, flat, np.empty(0, np.float32), None), np.zeros((4096, 4096), np.float32)
    due = time.perf_counter() + 0.2
    signal.setitimer(signal.ITIMER_REAL, 0.2)
    with pytest.raises(KeyboardInterrupt):
        predictor(X)
    assert time.perf_counter() - due < 0.2
    assert not predictor(X[0]).any()


def test_signals_are_heard_while_an_order_is_drawn(alarm):
    heard = []
    signal.signal(signal.SIGALRM, lambda *_: heard.append(time.perf_counter()))
    signal.setitimer(signal.ITIMER_REAL, 0.001, 0.001)
    engine.load("float32").permutation(2**23, 0, 0)  # some 30 ms
    drawn = time.perf_counter()
    signal.setitimer(signal.ITIMER_REAL, 0)
    assert sum(at < drawn for at in heard) > 3  # without a look at them, one: at the end


def test_an_interrupt_leaves_whole_epochs(alarm):
    """What goes on from there comes to the same bits as without it."""
    X, target = data(PROGRAM, 3200, "float32")
    for after in (0.02, 0.05, 0.11):
        plan, alone = (make_plan(engine.load("float32"), PROGRAM, Adam(), scale=0.1) for _ in range(2))
        interrupted(plan, X, target, after, epochs=10**6, batch_size=10)
        done = len(plan.result.losses) if plan.result else 0  # on a busy machine it may strike at once
        assert plan.iterations == 320 * done
        if done:
            alone.train(X, target, None, epochs=done, batch_size=10)
        assert state(plan) == state(alone)


def test_interrupt_beside_divergence_goes_back_to_the_good_state(alarm):
    program = network([40, 300, 300, 10], "relu")
    X, target = data(program, 4000, "float32")
    X[3999] = np.nan
    plan = make_plan(engine.load("float32"), program, Adam(), scale=0.1)
    before = state(plan)
    for delay in np.linspace(0.001, 0.06, 60):
        try:
            signal.setitimer(signal.ITIMER_REAL, delay)  # here: on a busy machine it may strike at once
            plan.train(X, target, None, epochs=1, batch_size=4000)
            time.sleep(0.1)
        except KeyboardInterrupt:
            pass
        assert state(plan) == before


def test_polling_does_not_wait_for_a_busy_thread(alarm):
    """The engine asks for the GIL some thirty times a second, not at every step: the other keeps it for a turn then."""
    X, target = data(PROGRAM, 640, "float32")
    plan = make_plan(engine.load("float32"), PROGRAM, Adam(), scale=0.1)
    done, usual = threading.Event(), sys.getswitchinterval()

    def epochs_per_second():
        seconds = plan.train(X, target, None, epochs=10**6, batch_size=32, max_seconds=0.6).seconds
        return len(seconds) / seconds.sum()

    def busy():
        while not done.is_set():
            sum(range(1000))

    alone, other = epochs_per_second(), threading.Thread(target=busy)
    sys.setswitchinterval(0.1)  # a turn, long beside whatever slows all threads: other programs, a sanitizer
    try:
        other.start()
        beside = epochs_per_second()
    finally:
        done.set()
        other.join()
        sys.setswitchinterval(usual)
    # 30 ms in 130 are for training, half of these where many share two processors; with a wait at every step 1 to 5 %
    assert beside > 0.08 * alone


def in_child(function):
    """Run a function in a forked child; return what it returned, as bytes."""
    read_end, write_end = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            os.write(write_end, function())
        finally:
            os._exit(0)
    os.close(write_end)
    deadline = time.monotonic() + 20
    while os.waitpid(pid, os.WNOHANG) == (0, 0):
        if time.monotonic() > deadline:
            os.kill(pid, signal.SIGKILL)
            pytest.fail("the forked child hangs")
        time.sleep(0.01)
    with os.fdopen(read_end, "rb") as pipe:
        return pipe.read()


def digest(n_threads=3):
    import hashlib

    engine.set_num_threads(n_threads)
    X, target = data(PROGRAM, 640, "float32")
    plan = make_plan(engine.load("float32"), PROGRAM, Adam(), scale=0.1)
    plan.train(X, target, None, epochs=2, batch_size=160)
    assert plan.threads_used == n_threads
    return hashlib.sha256(state(plan)).digest()


@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")
def test_training_in_a_forked_child(threads):
    """The child has no workers of the parent's pool and starts its own; a grandchild too."""
    expected = digest()
    assert in_child(digest) == expected
    assert in_child(lambda: in_child(digest)) == expected
    assert digest() == expected


@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")
def test_predictions_in_a_forked_child_whose_parent_s_threads_are_awake(threads):
    threads(3)
    X, _ = data(PROGRAM, 3200, "float32")
    plan = make_plan(engine.load("float32"), PROGRAM)
    expected = plan.predict(X[:1200]).tobytes()[:1000]

    def predictions():
        assert plan.predict(X).tobytes()[:1000] == expected and plan.threads_used == 3
        return plan.predict(X[:1200]).tobytes()[:1000]

    for _ in range(20):
        assert in_child(predictions) == predictions() == expected
    assert in_child(lambda: in_child(predictions)) == expected


def test_threads_that_wait_for_the_next_call_fall_asleep(threads):
    """Predictions that follow each other closely keep the threads awake between them, for less than a millisecond."""
    threads(3)
    X, _ = data(PROGRAM, 3200, "float32")
    plan = make_plan(engine.load("float32"), PROGRAM)
    for _ in range(3):
        for pause in (0, 0, 1e-4, 1e-4):
            plan.predict(X)
            time.sleep(pause)
        assert plan.threads_used == 3
        before = time.process_time()
        time.sleep(0.1)
        assert time.process_time() - before < 0.02


@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")
def test_fork_while_another_thread_trains(threads):
    expected = digest()
    X, target = data(PROGRAM, 3200, "float32")
    plan = make_plan(engine.load("float32"), PROGRAM, Adam(), scale=0.1)
    worker = threading.Thread(target=plan.train, args=(X, target), kwargs={"epochs": 10**6, "max_seconds": 1.0})
    worker.start()
    time.sleep(0.1)
    assert in_child(digest) == expected
    worker.join()


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="the system does not tell where threads may run")
@pytest.mark.skipif(engine.available_cpus() < 2, reason="takes two processors")
def test_workers_run_where_their_caller_may(threads):
    """Also those that were started by a thread that was pinned to one processor."""
    threads(2)
    X, target = data(PROGRAM, 3200, "float32")
    plan = make_plan(engine.load("float32"), PROGRAM)
    everywhere = os.sched_getaffinity(0)
    workers = set()
    try:
        for allowed in ({min(everywhere)}, everywhere, {max(everywhere)}, everywhere):
            os.sched_setaffinity(0, allowed)
            plan.evaluate(X, target)
            assert plan.threads_used == 2
            places = {int(task): os.sched_getaffinity(int(task)) for task in os.listdir("/proc/self/task")}
            workers = workers or {task for task, place in places.items() if place == allowed} - {os.getpid()}
            assert workers
            assert all(places[worker] == allowed for worker in workers)
    finally:
        os.sched_setaffinity(0, everywhere)


def test_two_plans_in_two_threads(threads):
    """The pool serves one of them; the other runs alone. Neither changes the other's bits."""
    expected = digest()
    results = []
    workers = [threading.Thread(target=lambda: results.append(digest_unchecked())) for _ in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert results == [expected] * 4


def digest_unchecked():
    import hashlib

    X, target = data(PROGRAM, 640, "float32")
    plan = make_plan(engine.load("float32"), PROGRAM, Adam(), scale=0.1)
    plan.train(X, target, None, epochs=2, batch_size=160)
    return hashlib.sha256(state(plan)).digest()


def test_one_plan_in_two_threads_is_refused():
    X, target = data(PROGRAM, 3200, "float32")
    plan = make_plan(engine.load("float32"), PROGRAM, Adam(), scale=0.1)
    worker = threading.Thread(target=plan.train, args=(X, target), kwargs={"epochs": 10**6, "max_seconds": 0.5})
    worker.start()
    time.sleep(0.1)
    with pytest.raises(RuntimeError, match="model is computing already"):
        plan.train(X, target)
    worker.join()
    plan.train(X, target)


def test_another_thread_may_break_the_labels():
    """The plan indexes by its own copy, so nothing outside its memory is touched."""
    X, target = data(PROGRAM, 3200, "float32")
    plan = make_plan(engine.load("float32"), PROGRAM, Adam(), scale=0.1)
    worker = threading.Thread(target=plan.train, args=(X, target), kwargs={"epochs": 10**6, "max_seconds": 0.3})
    worker.start()
    time.sleep(0.05)
    target[:] = 2**30
    worker.join()
    assert np.all(np.isfinite(np.frombuffer(state(plan)[: 4 * PROGRAM.n_parameters], np.float32)))


# ----------------------------------------------------------------------------------------- choosing the engine


def isa_of_a_new_process(**environment):
    code = "import nncore; print(nncore.show_config()['isa'], nncore.get_num_threads())"
    env = {key: value for key, value in os.environ.items() if not key.startswith(("NNCORE_", "OMP_"))} | environment
    return subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True, cwd="/", check=False)


@pytest.mark.parametrize("isa", sorted({isa for isa, _ in engine.variants()}))
def test_environment_forces_an_instruction_set(isa):
    assert isa_of_a_new_process(NNCORE_ISA=isa).stdout.split()[0] == isa


@pytest.mark.parametrize("isa", sorted(engine.mixed_variants()))
def test_environment_forces_an_instruction_set_for_bfloat16(isa, monkeypatch):
    monkeypatch.setenv("NNCORE_ISA", isa)
    assert engine.choose_isa() == (isa if isa in engine.ISAS else "avx512")
    monkeypatch.setattr(select, "FORCED", isa)
    assert select.load_mixed.__wrapped__() is engine.mixed_variants()[isa]


def test_without_registers_of_amx_there_is_the_next_best(monkeypatch):
    """The system is asked for them when a network needs them, not by whoever asks what would be used."""
    asked, grants = [], [False, False, True]
    monkeypatch.setattr(select.runtime, "cpu_level", lambda: 4)
    monkeypatch.setattr(select.runtime, "cpu_allow_tiles", lambda: asked.append(1) or grants[len(asked) - 1])
    monkeypatch.setattr(select, "mixed_module", lambda isa: isa)
    monkeypatch.setattr(select, "FORCED", "")
    assert select.mixed_isas() == ["base", "avx2", "avx512", "avx512bf16", "amx"]
    config = engine.show_config()
    assert (config["isa_bfloat16"], config["isa_bfloat16_supported"], asked) == ("amx", select.mixed_isas(), [])
    assert select.load_mixed.__wrapped__() == "avx512bf16"
    monkeypatch.setattr(select, "FORCED", "amx")
    with pytest.raises(RuntimeError, match="NNCORE_ISA=amx cannot multiply bfloat16 here: there are base, avx2, avx5"):
        select.load_mixed.__wrapped__()
    assert select.load_mixed.__wrapped__() == "amx"
    monkeypatch.setattr(select, "FORCED", "avx2")
    assert select.load_mixed.__wrapped__() == "avx2" and len(asked) == 3


def test_unknown_instruction_set_is_refused():
    result = isa_of_a_new_process(NNCORE_ISA="avx1024")
    assert result.returncode == 1
    assert (
        "EnvironmentVariableError: NNCORE_ISA='avx1024' is unknown; expected one of base, avx2, avx512vl, avx512, "
        "avx512bf16, amx" in result.stderr
    )


def test_impossible_instruction_set_is_refused(monkeypatch):
    monkeypatch.setattr(select.runtime, "cpu_level", lambda: 1)
    monkeypatch.setenv("NNCORE_ISA", "avx512")
    with pytest.raises(RuntimeError, match="NNCORE_ISA=avx512 cannot run here: this machine supports base, avx2"):
        engine.choose_isa()
    monkeypatch.delenv("NNCORE_ISA")
    assert engine.choose_isa() == "avx2"


def chosen(monkeypatch, *sizes):
    program = lower([Dense(units) for units in sizes[1:]], sizes[0], "mse")
    monkeypatch.setattr(select, "module", lambda isa, dtype: isa)
    monkeypatch.setattr(select, "load", lambda dtype: "avx512")
    return engine.load_for(program, "float32")


def test_narrow_layers_get_short_vectors_where_long_ones_are_halved(monkeypatch):
    monkeypatch.setattr(select, "CHOOSES_VECTORS", True)
    assert chosen(monkeypatch, 2, 8, 8, 2) == "avx512vl"
    assert chosen(monkeypatch, 13, 37, 3) == "avx512vl"
    assert chosen(monkeypatch, 64, 32, 16) == "avx512"
    monkeypatch.setattr(select, "CHOOSES_VECTORS", False)
    assert chosen(monkeypatch, 2, 8, 8, 2) == "avx512"


def test_empty_lanes_count_as_arithmetic():
    program = lower([Dense(3), Dense(9)], 5, "mse")
    assert engine.padded(program, 1) == 2 * (5 * 3 + 3 * 9) + 9 * 3
    assert engine.padded(program, 8) == 2 * (5 * 8 + 3 * 16) + 9 * 8


def test_environment_sets_the_threads():
    assert isa_of_a_new_process(NNCORE_NUM_THREADS="5").stdout.split()[1] == "5"
    for shared, expected in (("1", 1), ("1,4", 1), ("9999", engine.available_cpus()), ("all", engine.available_cpus())):
        assert isa_of_a_new_process(OMP_NUM_THREADS=shared).stdout.split()[1] == str(expected)
    assert isa_of_a_new_process(OMP_NUM_THREADS="1", NNCORE_NUM_THREADS="3").stdout.split()[1] == "3"
    assert "must be an integer of at least 1" in isa_of_a_new_process(NNCORE_NUM_THREADS="none").stderr


@pytest.mark.parametrize(
    ("n", "error"), [(0, ValueError), (-1, ValueError), (1.5, TypeError), ("2", TypeError), (True, TypeError)]
)
def test_bad_numbers_of_threads(n, error):
    with pytest.raises(error, match="n must be"):
        engine.set_num_threads(n)


def test_affinity_and_quota_limit_the_threads(monkeypatch):
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: set(range(8)), raising=False)
    for quota, expected in ((None, 8), (2.0, 2), (0.5, 1), (16.0, 8)):
        monkeypatch.setattr(select, "_cgroup_quota", lambda quota=quota: quota)
        assert engine.available_cpus() == expected


def test_quota_of_nested_control_groups(tmp_path):
    process, root = tmp_path / "cgroup", tmp_path / "fs"
    inner = root / "system.slice" / "job.service"
    inner.mkdir(parents=True)
    process.write_text("0::/system.slice/job.service\n")
    assert select._cgroup_quota(root, process) is None
    (root / "system.slice" / "cpu.max").write_text("150000 100000\n")
    assert select._cgroup_quota(root, process) == 1.5
    (inner / "cpu.max").write_text("max 100000\n")
    assert select._cgroup_quota(root, process) == 1.5
    (inner / "cpu.max").write_text("50000 100000\n")
    assert select._cgroup_quota(root, process) == 0.5
    old = root / "cpu" / "docker"
    old.mkdir(parents=True)
    process.write_text("3:cpu,cpuacct:/docker\n2:memory:/docker\n")
    (old / "cpu.cfs_quota_us").write_text("400000\n")
    (old / "cpu.cfs_period_us").write_text("100000\n")
    assert select._cgroup_quota(root, process) == 4.0
    assert select._cgroup_quota(root, tmp_path / "none") is None


def test_small_steps_run_on_one_thread(threads):
    threads(2)
    program = network([4, 8, 2])
    plan = make_plan(engine.load("float32"), program, Adam())
    plan.train(*data(program, 64, "float32"), batch_size=32)
    assert plan.threads_used == 1
