"""Callbacks: when they are called, how they stop training, and what an error in one leaves behind."""

import copy
import inspect
import threading

import numpy as np
import pytest

import nncore
from nncore import STOP, Dense, LambdaCallback, Sequential
from nncore.callbacks import Callbacks

IN_ANOTHER_THREAD = (
    "model is being trained in another thread; wait until it is trained, or work on a copy made before: "
    "copy.deepcopy(model)"
)

X = np.random.default_rng(0).normal(size=(20, 3))
Y = X[:, :1] * 2


def new_model(**options):
    return Sequential([Dense(4, "tanh"), Dense(1)], seed=1, **options)


class Recorder:
    def __init__(self):
        self.calls = []

    def on_train_begin(self, model):
        self.calls.append("begin")

    def on_epoch_begin(self, model, epoch):
        self.calls.append((epoch, model.epoch))

    def on_epoch_end(self, model, epoch, logs):
        self.calls.append((epoch, sorted(logs), model.epoch))

    def on_train_end(self, model):
        self.calls.append("end")


def test_order_and_arguments():
    recorder, model = Recorder(), new_model()
    model.fit(X, Y, epochs=2, callbacks=recorder)
    model.fit(X, Y, epochs=1, callbacks=[recorder], validation_split=0.25)
    names = ["learning_rate", "loss", "seconds"]
    first = ["begin", (0, 0), (0, names, 1), (1, 1), (1, names, 2), "end"]
    assert recorder.calls == [*first, "begin", (2, 2), (2, [*names, "val_loss"], 3), "end"]


def test_logs_are_what_history_records():
    seen = []
    history = new_model().fit(X, Y, epochs=3, callbacks=lambda model, epoch, logs: seen.append(logs["loss"]))
    assert seen == history.loss.tolist()


def test_objects_may_have_only_some_hooks():
    class Begin:
        def on_train_begin(self, model):
            model.begun = True

    model = new_model()
    model.fit(X, Y, callbacks=[Begin()])
    assert model.begun


def test_an_object_with_hooks_is_not_called_itself():
    class Both(Recorder):
        def __call__(self, *arguments):
            raise AssertionError("called")

    new_model().fit(X, Y, callbacks=[Both()])


@pytest.mark.parametrize("how", ["return", "attribute"])
def test_stop(how):
    def stop(model, epoch, logs):
        if epoch == 2:
            if how == "return":
                return STOP
            model.stop_training = True
        return None

    recorder, model = Recorder(), new_model()
    assert len(model.fit(X, Y, epochs=10, callbacks=[stop, recorder])) == 3
    assert recorder.calls[-1] == "end"
    assert model.epoch == 3
    assert len(model.fit(X, Y, epochs=2)) == 2, "stop_training does not outlast the fit it stopped"


def test_stop_before_the_first_epoch():
    class Never:
        def on_train_begin(self, model):
            return STOP

    model = new_model()
    assert len(model.fit(X, Y, epochs=10, callbacks=Never())) == 0
    assert model.epoch == 0


def test_stop_at_the_beginning_of_an_epoch():
    class Third:
        def on_epoch_begin(self, model, epoch):
            return STOP if epoch == 2 else None

    model = new_model()
    assert len(model.fit(X, Y, epochs=10, callbacks=Third())) == model.epoch == 2


def test_stop_has_a_readable_repr_and_is_one_object():
    assert repr(nncore.STOP) == "nncore.STOP"


def test_callbacks_do_not_change_what_is_learnt():
    plain, watched = new_model(), new_model()
    plain.fit(X, Y, epochs=5)
    watched.fit(X, Y, epochs=5, callbacks=lambda model, epoch, logs: model.predict(X))
    assert np.array_equal(plain.parameters, watched.parameters)


@pytest.mark.parametrize("hook", ["on_train_begin", "on_epoch_end", "on_train_end"])
def test_an_error_reaches_the_caller_and_leaves_the_model_usable(hook):
    def fail(*arguments):
        raise KeyError("from the callback")

    broken, recorder, model = type("Broken", (), {hook: fail})(), Recorder(), new_model()
    with pytest.raises(KeyError, match="from the callback"):
        model.fit(X, Y, epochs=3, callbacks=[recorder, broken])
    assert recorder.calls[-1] == "end"
    assert model.epoch == len(model.history) == {"on_train_begin": 0, "on_epoch_end": 1, "on_train_end": 3}[hook]
    other = new_model()
    if model.epoch:
        other.fit(X, Y, epochs=model.epoch)
    model.fit(X, Y, epochs=2)
    other.fit(X, Y, epochs=2)
    assert np.array_equal(model.parameters, other.parameters)


REENTRANT = {
    "fit": lambda model: model.fit(X, Y),
    "train_on_batch": lambda model: model.train_on_batch(X, Y),
    "compile": lambda model: model.compile("sgd"),
}


@pytest.mark.parametrize("call", REENTRANT)
def test_training_the_same_model_from_a_callback_is_refused(call):
    model = new_model()
    with pytest.raises(RuntimeError, match="model is being trained: a callback cannot"):
        model.fit(X, Y, epochs=3, callbacks=lambda model, epoch, logs: REENTRANT[call](model))
    assert model.epoch == 1
    assert len(model.fit(X, Y, epochs=2)) == 2


def test_callbacks_may_use_and_change_the_model():
    def halve(model, epoch, logs):
        model.optimizer = nncore.SGD(model.optimizer.learning_rate / 2)
        model.evaluate(X, Y)
        model.set_weights(model.get_weights())
        other = new_model()
        other.fit(X, Y)

    model = new_model()
    model.compile(nncore.SGD(0.1))
    history = model.fit(X, Y, epochs=3, callbacks=halve)
    assert history.learning_rate.tolist() == [0.1, 0.05, 0.025]


def test_another_thread_is_refused_while_training_and_served_afterwards():
    model, errors = new_model(), []

    def intrude():
        for call in (lambda: model.fit(X, Y), lambda: model.predict(X), lambda: model.parameters):
            try:
                call()
            except RuntimeError as error:
                errors.append(str(error))

    def in_other_thread(model, epoch, logs):
        thread = threading.Thread(target=intrude)
        thread.start()
        thread.join(20)
        assert not thread.is_alive()

    model.fit(X, Y, callbacks=in_other_thread)
    assert errors == [IN_ANOTHER_THREAD] * 3
    errors.clear()
    in_other_thread(model, 0, {})
    assert errors == []
    assert model.epoch == 2


@pytest.mark.parametrize(
    ("callbacks", "message"),
    [
        ([3], r"callbacks\[0\] must be a function \(model, epoch, logs\) or an object with one of on_train_begin"),
        (["x"], r"callbacks\[0\] must be"),
        ([print, object()], r"callbacks\[1\] must be"),
        ([Recorder], r"callbacks\[0\] is the class Recorder; pass an instance: Recorder\(\)"),
        (Recorder, r"callbacks\[0\] is the class Recorder"),
        (3, r"callbacks\[0\] must be"),
    ],
)
def test_what_is_no_callback_is_refused(callbacks, message):
    with pytest.raises(TypeError, match=message):
        Callbacks(callbacks)
    model = new_model()
    with pytest.raises(TypeError, match=message):
        model.fit(X, Y, callbacks=callbacks)
    assert not model.built


class Named:
    """Notes its turns in `calls`, and raises in the hooks of `broken`."""

    def __init__(self, name, calls, broken=()):
        self.name, self.calls, self.broken = name, calls, broken

    def turn(self, hook):
        self.calls.append((self.name, hook))
        if hook in self.broken:
            raise KeyError(self.name)

    def on_train_begin(self, model):
        self.turn("begin")

    def on_train_end(self, model):
        self.turn("end")


def test_an_end_only_follows_a_begin():
    calls = []
    with pytest.raises(KeyError, match="b"):
        new_model().fit(X, Y, callbacks=[Named("a", calls), Named("b", calls, ["begin"]), Named("c", calls)])
    assert calls == [("a", "begin"), ("b", "begin"), ("a", "end"), ("b", "end")]


def test_everybody_gets_an_end_and_the_first_error_is_raised():
    calls = []

    def fail(model, epoch, logs):
        raise ZeroDivisionError

    callbacks = [Named("a", calls, ["end"]), Named("b", calls, ["end"]), Named("c", calls)]
    with pytest.raises(KeyError, match="a"):
        new_model().fit(X, Y, callbacks=callbacks)
    assert calls[3:] == [("a", "end"), ("b", "end"), ("c", "end")]
    calls.clear()
    with pytest.raises(ZeroDivisionError):
        new_model().fit(X, Y, callbacks=[*callbacks, fail])
    assert calls[3:] == [("a", "end"), ("b", "end"), ("c", "end")]


class KerasStyle:
    def on_epoch_end(self, epoch, logs=None):
        raise AssertionError("called")


class KerasBegin:
    def on_epoch_begin(self, epoch, logs=None):
        raise AssertionError("called")


class KerasTrain:
    def on_train_begin(self, logs=None):
        raise AssertionError("called")


class KerasEnd:
    def on_train_end(self, logs):
        raise AssertionError("called")


class ByBatch:
    def on_step_end(self, model, batch):
        raise AssertionError("called")


@pytest.mark.parametrize(
    ("callback", "message"),
    [
        (
            KerasStyle(),
            r"callbacks\[0\].on_epoch_end is called as .*, but it takes \(epoch, logs=None\)",
        ),
        (
            KerasBegin(),
            r"\[0\].on_epoch_begin is called as \(model, epoch\), but it takes \(epoch, logs=None\): 'epoch' would get "
            r"the model; write it for \(model, epoch\)",
        ),
        (
            KerasTrain(),
            r"on_train_begin is called as \(model\), but it takes \(logs=None\): 'logs' would get the model",
        ),
        (KerasEnd(), r"on_train_end is called as \(model\), but it takes \(logs\): 'logs' would get the model"),
        (
            LambdaCallback(on_epoch_begin=lambda epoch, logs: None),
            r"on_epoch_begin is called as \(model, epoch\), but it takes \(epoch, logs\): 'epoch' would get the model",
        ),
        (
            LambdaCallback(on_epoch_begin=lambda epoch_index, log_dict=None: None),
            r"takes \(epoch_index, log_dict=None\): 'epoch_index' would get the model",
        ),
        (LambdaCallback(on_train_begin=lambda train_logs: None), "'train_logs' would get the model; write it for"),
        (lambda epoch, logs, model: None, r"but it takes \(epoch, logs, model\): 'epoch' would get the model"),
        (lambda model, logs, epoch: None, r"but it takes \(model, logs, epoch\): 'logs' would get the epoch"),
        (lambda logs: None, r"callbacks\[0\] is called as \(model, epoch, logs\), but it takes \(logs\)"),
        (ByBatch(), r"callbacks\[0\] has the hook on_step_end, which nncore never calls; known: on_train_begin, "),
    ],
)
def test_what_would_fail_after_an_epoch_is_refused_before(callback, message):
    model = new_model()
    with pytest.raises(TypeError, match=message):
        model.fit(X, Y, callbacks=[callback])
    assert not model.built


def test_functions_that_do_not_tell_their_arguments_are_taken():
    with pytest.raises(ValueError, match="no signature"):
        inspect.signature(max)
    assert len(Callbacks([max])) == 1


class Plain:
    """Whose parameters have names of their own, or are any, and some more with defaults."""

    def on_train_begin(self, *anything):
        pass

    def on_epoch_begin(self, network, number, logs=None):
        pass

    def on_epoch_end(self, m, e, values, **others):
        pass


def test_other_names_are_taken():
    new_model().fit(X, Y, callbacks=[Plain(), lambda model, epoch, logs, extra=1: None, lambda *all_of_it: None])


def test_a_callback_that_cannot_train_its_model_hears_what_it_can():
    model = Sequential([Dense(4, "tanh"), Dense(1)], seed=1)
    trained = []

    def again(model, epoch, logs):
        with pytest.raises(
            RuntimeError, match=r"do it after fit, which model.stop_training = True ends, or to a copy: co"
        ):
            model.fit(X, Y)
        copied = copy.deepcopy(model)
        copied.fit(X, Y)
        trained.append(copied.epoch)
        model.stop_training = True

    model.fit(X, Y, epochs=9, callbacks=again)
    assert model.epoch == 1 and trained[0] >= 1
    model.fit(X, Y)
