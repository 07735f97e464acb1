"""One thread changes a model, others wait or get an error; and what a child process finds of a model after a fork."""

import os
import sys
import threading
import time

import numpy as np
import pytest
from test_model import LABELS, X, classifier, ignore_fork_warning, in_child, needs_fork

import nncore
from nncore import SGD, Adam, Dense, EarlyStopping, Sequential, load
from nncore.model import surgery
from nncore.network import Network, turn

IN_ANOTHER_THREAD = (
    "model is being trained in another thread; wait until it is trained, or work on a copy made before: "
    "copy.deepcopy(model)"
)

pytestmark = pytest.mark.filterwarnings("error::pytest.PytestUnhandledThreadExceptionWarning")


class Pause:
    """Let a function wait in the middle of its work, once, until `go` is set."""

    def __init__(self, monkeypatch, owner, name):
        self.reached, self.go = threading.Event(), threading.Event()
        function = getattr(owner, name)

        def pausing(*arguments, **options):
            result = function(*arguments, **options)
            if not self.reached.is_set():
                self.reached.set()
                assert self.go.wait(20)
            return result

        monkeypatch.setattr(owner, name, pausing)


def beside(work, others, pause):
    """Begin `work`, and `others` while it pauses; let them all end and return what `others` raised."""
    found = []

    def caught(other):
        try:
            other()
        except RuntimeError as error:
            found.append(str(error))

    threads = [threading.Thread(target=work), *(threading.Thread(target=caught, args=[other]) for other in others)]
    threads[0].start()
    assert pause.reached.wait(20)
    for thread in threads[1:]:
        thread.start()
    time.sleep(0.05)  # for those that do not wait, to do what they must not
    pause.go.set()
    for thread in threads:
        thread.join(20)
        assert not thread.is_alive()
    return found


def trained(model, epochs):
    twin = classifier()
    for _ in range(epochs):
        twin.fit(X, LABELS)
    return np.array_equal(model.get_weights()[0], twin.get_weights()[0])


def test_a_fit_waits_for_surgery(monkeypatch):
    """It used to train the network that was being replaced, and to return a history of lost weights."""
    model = classifier()
    model.build(4)
    before = model.get_weights()[0]
    pause = Pause(monkeypatch, surgery, "_transplanted")
    assert beside(lambda: model.insert(1, Dense(8, "tanh")), [lambda: model.fit(X, LABELS)], pause) == []
    assert len(model.layers) == len(classifier().layers) + 1
    assert model.epoch == 1 and not np.array_equal(model.get_weights()[0], before)


def test_a_fit_waits_for_compile(monkeypatch):
    model = Sequential([Dense(8, "relu"), Dense(1)])
    model.build(4)
    before = model.get_weights()[0]
    pause = Pause(monkeypatch, Network, "with_program")
    assert beside(lambda: model.compile("sgd", "mae"), [lambda: model.fit(X, LABELS)], pause) == []
    assert model.loss.name == "mean_absolute_error" and not np.array_equal(model.get_weights()[0], before)


def test_one_of_two_first_fits_is_refused(monkeypatch):
    model = classifier()
    pause = Pause(monkeypatch, nncore.training.adaptation, "new_network")
    errors = beside(lambda: model.fit(X, LABELS), [lambda: model.fit(X, LABELS)], pause)
    assert errors == [IN_ANOTHER_THREAD]
    assert trained(model, 1)


def test_a_file_is_of_one_moment(monkeypatch, tmp_path):
    """It used to have the slots of one optimizer under the name of another, and could not be read."""
    model = classifier()
    model.compile("adam")
    model.fit(X, LABELS)
    pause = Pause(monkeypatch, Network, "state")
    path = tmp_path / "model.safetensors"
    assert beside(lambda: model.save(path), [lambda: model.compile("sgd")], pause) == []
    assert isinstance(load(path).optimizer, Adam) and isinstance(model.optimizer, SGD)


def test_files_written_while_others_compile(tmp_path):
    model, done, errors = classifier(), threading.Event(), []
    model.fit(X, LABELS)
    path = tmp_path / "model.safetensors"

    def compile_anew():
        while not done.is_set():
            model.compile("sgd")
            model.compile("adam")

    def save():
        try:
            for _ in range(150):
                model.save(path)
                load(path)
        except Exception as error:  # whatever it is, the test is to end
            errors.append(error)
        done.set()

    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    try:
        threads = [threading.Thread(target=work) for work in (compile_anew, save)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
    finally:
        done.set()
        sys.setswitchinterval(interval)
    assert errors == []


def test_what_on_progress_may_ask_for():
    """The weights of the middle of an epoch; all else is refused with what to do, not as another thread's doing."""
    found = []

    class Asks:
        def on_progress(self, model, epoch, logs):
            if not found:
                assert np.isfinite(model.parameters).all() and model.get_weights()
                for ask in (lambda: model.predict(LONG[0]), lambda: setattr(model, "optimizer", Adam(0.1))):
                    with pytest.raises(RuntimeError, match=r"middle of an epoch.*on_epoch_end") as error:
                        ask()
                    found.append(error)

    model = long_epochs()
    model.fit(*LONG, callbacks=Asks(), batch_size=8)
    assert len(found) == 2


LONG = np.random.default_rng(0).standard_normal((60000, 64)).astype("f4"), np.arange(60000, dtype="i4") % 3


def long_epochs():
    return Sequential([Dense(96, "relu"), Dense(3, "softmax")])


@needs_fork
@ignore_fork_warning
@pytest.mark.parametrize("n_threads", [1, 2])
def test_a_child_forked_in_the_middle_of_an_epoch(n_threads, threads):
    """It gets an error where the epoch would go on, has the epoch's start, and can train: in the same bits."""
    longer = tuple(np.tile(rows, (8, 1)[: rows.ndim]) for rows in LONG)  # some polls an epoch on a quick machine, too
    codes, twin = [], long_epochs()
    twin.fit(*longer, batch_size=256)
    after_one = twin.parameters.copy()
    twin.fit(*longer, batch_size=256)

    threads(n_threads)  # so many, however busy the machine is
    model, parent = long_epochs(), os.getpid()
    try:
        model.fit(*longer, batch_size=256, epochs=2, callbacks=ReturnsInChild(codes))
    except RuntimeError as error:
        status = 1
        if os.getpid() != parent and "forked in the middle of an epoch" in str(error):
            same = model.epoch == 1 and np.array_equal(model.parameters, after_one)
            model.fit(*longer, batch_size=256)
            status = 0 if same and np.array_equal(model.parameters, twin.parameters) else 2
        os._exit(status)
    assert model._state.network._plan.threads_used == min(n_threads, nncore.show_config()["cpus_available"])
    assert codes == [0] and np.array_equal(model.parameters, twin.parameters)


class ReturnsInChild:
    """Fork once, in the second epoch; the child goes on as if nothing were, the parent waits for its end."""

    def __init__(self, codes):
        self.codes = codes

    def on_progress(self, model, epoch, logs):
        if epoch == 1 and not self.codes and logs["batch"]:
            self.codes.append(None)
            child = os.fork()
            if child:
                self.codes[0] = ended(child)


def ended(child, seconds=20):
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.01)
    os.kill(child, 9)
    os.waitpid(child, 0)
    raise AssertionError("the child hangs")


@needs_fork
@ignore_fork_warning
@pytest.mark.parametrize("waits", [turn.FORK_WAITS, 0.0], ids=["short epochs", "as if epochs were long"])
@pytest.mark.parametrize("pauses", [True, False], ids=["a call each", "epochs and validations in one call"])
def test_a_child_forked_beside_a_training_has_a_finished_epoch(monkeypatch, waits, pauses):
    monkeypatch.setattr(turn, "FORK_WAITS", waits)
    monkeypatch.setattr(EarlyStopping, "on_train_begin", lambda self, model: started.set())
    model, started = long_epochs(), threading.Event()
    model.build(64)
    kept = model.parameters  # also where somebody holds the weights
    table = {}
    twin = long_epochs()
    few = LONG[0][:6000], LONG[1][:6000]
    twin.build(64)
    for epoch in range(60):
        table[twin.parameters.tobytes()] = epoch
        twin.fit(*few, batch_size=8)

    def train():
        callbacks = [EarlyStopping(patience=99, restore_best_weights=False), *[lambda *arguments: None] * pauses]
        model.fit(*few, batch_size=8, epochs=50, validation_data=LONG, callbacks=callbacks)

    def look():
        assert len(model.history) == model.epoch
        assert table[model.parameters.tobytes()] == model.epoch
        assert np.array_equal(model.parameters, kept)
        model.parameters[:] = 7  # which used to be lost
        assert (model.get_weights()[0] == 7).all() and (kept == 7).all()
        model.fit(*few, batch_size=8)

    thread = threading.Thread(target=train, daemon=True)
    thread.start()
    assert started.wait(20)
    codes = []
    while thread.is_alive() and len(codes) < 8:
        codes.append(in_child(look))
    thread.join(60)
    assert codes and set(codes) == {0}


@needs_fork
@ignore_fork_warning
@pytest.mark.parametrize("call", ["fit", "train_on_batch"])
def test_a_child_forked_while_a_model_without_weights_is_being_given_data(call):
    """It has no network yet that could tell of it; the child used to find it in training, or locked, for ever."""
    model, reached, go = classifier(), threading.Event(), threading.Event()

    class Waits:
        def __array__(self, dtype=None, copy=None):
            reached.set()
            assert go.wait(20)
            return X

    thread = threading.Thread(target=lambda: getattr(model, call)(Waits(), LABELS), daemon=True)
    thread.start()
    assert reached.wait(20)
    try:
        assert in_child(lambda: model.fit(X, LABELS)) == 0
    finally:
        go.set()
        thread.join(20)
    assert model.built


@needs_fork
@ignore_fork_warning
def test_a_child_forked_while_an_epoch_is_scored_counts_it(monkeypatch):
    """It has the weights of the epoch, which nobody else will record; it used to train it once more."""
    monkeypatch.setattr(turn, "FORK_WAITS", 0.0)
    reached, go, calls = threading.Event(), threading.Event(), []

    def slow(y_true, y_pred):
        calls.append(None)
        if len(calls) == 2:  # the first is the trial before training
            reached.set()
            assert go.wait(20)
        return 0.0

    def look():
        assert model.epoch == 1 == len(model.history["loss"]) and trained(model, 1)
        model.compile()
        model.fit(X, LABELS)
        assert model.epoch == 2

    model = classifier()
    model.compile(model.optimizer, metrics=[slow])
    thread = threading.Thread(target=lambda: model.fit(X, LABELS, epochs=2), daemon=True)
    thread.start()
    assert reached.wait(20)
    try:
        assert in_child(look) == 0
    finally:
        go.set()
        thread.join(20)
    assert model.epoch == 2


def test_explaining_and_setting_weights_wait_for_surgery(monkeypatch):
    """Weights used to be set of the network that was being replaced, and to be lost."""
    model = classifier()
    model.build(4)
    new = [weight + 1 for weight in model.get_weights()]
    pause = Pause(monkeypatch, surgery, "_transplanted")
    refused = []

    def set_weights():
        with pytest.raises(ValueError) as caught:
            model.set_weights(new)
        refused.append(str(caught.value))

    others = [lambda: model.explain_step(X, LABELS), set_weights]
    assert beside(lambda: model.insert(1, Dense(8, "tanh")), others, pause) == []
    assert refused == ["weights must be a list of 6 arrays, got 4"]  # of the new layers
