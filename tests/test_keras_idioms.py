"""What programs written for Keras say, and what it means here."""

import numpy as np
import pytest

from nncore import SGD, Activation, Adam, Dense, Dropout, Sequential

X = np.random.default_rng(0).normal(size=(20, 3))
LABELS = (X[:, 0] > 0).astype(int)


def trained(**options):
    model = Sequential([Dense(2, "softmax")])
    model.compile("adam", metrics=["acc"])
    return model, model.fit(X, LABELS, epochs=3, **options)


def test_history_has_lists_by_name():
    model, history = trained()
    assert history.history["loss"] == history.loss.tolist()
    assert history.history["acc"][-1] == history.acc[-1]
    assert history.epoch == [0, 1, 2]
    assert model.history.history == history.history


@pytest.mark.parametrize(("verbose", "shown"), [(0, False), (1, True), (2, True)])
def test_verbose_may_be_a_number(verbose, shown, capsys):
    trained(verbose=verbose)
    assert ("3/3 epochs" in capsys.readouterr().err) is shown


def test_predict_and_evaluate_take_what_does_not_matter_here():
    model, _ = trained()
    assert np.array_equal(model.predict(X, batch_size=2, verbose=0), model.predict(X))
    scores = model.evaluate(X, LABELS, batch_size=2, verbose=0, return_dict=True)
    assert scores == model.evaluate(X, LABELS)
    assert set(scores) == {"loss", "acc"}
    with pytest.raises(ValueError, match="return_dict must be True: evaluate returns a dict, not a list; got False"):
        model.evaluate(X, LABELS, return_dict=False)


def test_no_activation_may_be_none():
    assert Dense(3, activation=None) == Dense(3)
    assert Dense(3, activation=None).activation == Activation("identity")


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (
            lambda: Dense(3, kernel_initializer="zeros"),
            "Dense has no argument 'kernel_initializer'; here it is weight_in",
        ),
        (lambda: Dense(3, input_shape=(4,)), r"'input_shape'; the first fit tells .* model.build\(n_features\). Known"),
        (lambda: Dense(3, activaton="relu"), "'activaton'; did you mean 'activation'\\?. Known: activation, bias"),
        (lambda: Dropout(p=0.5), "Dropout has no argument 'p'; here it is rate. Known: rate$"),
        (lambda: Adam(lr=0.1), "Adam has no argument 'lr'; here it is learning_rate. Known: beta_1"),
        (lambda: SGD(eps=0.1), "SGD has no argument 'eps'. Known: clip_norm"),
    ],
)
def test_arguments_by_the_names_of_others(make, said):
    with pytest.raises(TypeError, match=said):
        make()
