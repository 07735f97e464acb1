"""What programs written for Keras, PyTorch and scikit-learn say, and what to write here instead: a table a subject."""

from __future__ import annotations

from collections.abc import Mapping

NO_INPUT = "the first fit tells the number of features, or model.build(n_features)"
NO_DEVICE = "all is computed on the processor, so leave it out"
NO_MODES = "fit trains and predict predicts, so leave it out"
NO_STEPS = "model.fit(X, y) does all of a training, model.train_on_batch(X, y) one update"
ANEW = "model.clone() is a new model of the same layers, and model.reset() forgets what this one has learned"
PENALTY = "penalties are numbers, l1 and l2, as in Dense(8, l2=1e-4)"
OF_MODEL = "it is the model's, as in Sequential(layers, seed=0, dtype='float64')"
BFLOAT16 = "it is a dtype of the model, as in Sequential(layers, dtype='mixed_bfloat16')"
OTHER_DTYPE = (
    "a model keeps its dtype; another one takes the weights: other = Sequential(model.layers, dtype='{}'), "
    "other.build(model.program.n_features), other.set_weights(model.get_weights())"
)
NO_SCALING = "gradients have the range of float32, and no loss needs scaling"
WEIGHTS = "weights are in model.get_weights(), a list of arrays, and model.parameters, one flat vector"
SETTING = "model.set_weights(list of arrays) sets them, and nncore.load(path) reads a whole model"
NO_NUMBERS = f"a layer says what is computed and holds no numbers; model.get_weights(layer) returns its own; {WEIGHTS}"
NO_OPTIMIZER = "of optimizers there are SGD, RMSprop, Adagrad, Adam, AdamW, Nadam and Lion"
NO_SCHEDULE = (
    "of schedules there are PiecewiseConstant, StepDecay, ExponentialDecay, InverseTimeDecay, PolynomialDecay, "
    "CosineDecay, CosineDecayRestarts and OneCycle; LearningRateScheduler(function), a callback, sets any rate"
)
OTHERS = "PReLU, Dropout, GaussianNoise, Residual, Parallel, Columns, CategoryEncoding and Embedding"
NO_LAYER = f"of layers there are Dense, Activation, BatchNorm, LayerNorm, RMSNorm, Normalization, {OTHERS}"
BY_NAME = "activations go by name: Dense(8, 'relu') or Activation('relu'); nncore.activations lists them"
BY_ITS_NAME = "name it: Dense(8, weight_initializer='he_normal')"
CROSSENTROPY = "use SparseCategoricalCrossentropy for numbers of classes, CategoricalCrossentropy for shares of them"
LABELS = "fit takes labels as they are, 0, 1, 2... or one-hot rows; columns of X have CategoryEncoding or Embedding"
ARRAYS = "NumPy arrays are given to fit and predict as they are"
SEEDS = "every model has a seed of its own: Sequential(layers, seed=0)"
CLASSIFIER = "Sequential([Dense(64, 'relu'), Dense(k, 'softmax')])"
REGRESSOR = "Sequential([Dense(64, 'relu'), Dense(1)])"
SAVING = "model.save(path) writes the whole model, and nncore.load(path) reads it"


def table(rows: Mapping[str, str]) -> dict[str, str]:
    """Return a table with an entry for each of the words that a row begins with."""
    return {word: mend for words, mend in rows.items() for word in words.split()}


OF_A_MODEL = table(
    {
        "add_loss add_metric": "both go to compile, as in model.compile('adam', loss='mse', metrics=['mae'])",
        "append": "model.add(layer) appends one, model.insert(index, layer) puts one in",
        "apply_gradients": "model.apply_gradient(gradient) does one update by the vector that model.backward returns",
        "step train_step": NO_STEPS,
        "astype float": OTHER_DTYPE.format("float32"),
        "bfloat16 half": OTHER_DTYPE.format("mixed_bfloat16"),
        "best_loss_": "model.history['loss'].min() is the smallest",
        "call forward transform": "model.predict(X) returns the outputs",
        "classes_": "classes are numbers, 0 to the number of outputs - 1; model.predict_classes(X) returns them",
        "apply init_weights reinitialize reset_parameters reset_states": ANEW,
        "bias biases coef_ coefs_ get_weight intercept_ intercepts_ kernel named_parameters params": WEIGHTS,
        "batch_size callbacks early_stopping validation_split": "it goes to fit, as in model.fit(X, y, batch_size=32)",
        "cross_val_score cross_validate": "nncore.cross_validate(model, X, y) does it",
        "copy": "copy.deepcopy(model) makes a copy",
        "count_params n_params num_parameters param_count": "model.n_parameters is their number",
        "cpu cuda device to": NO_DEVICE,
        "decision_function": "model.predict(X) returns logits where the loss has from_logits=True",
        "depth n_layers_ num_layers": "len(model.layers) is their number",
        "double": OTHER_DTYPE.format("float64"),
        "draw graph plot plot_model visualize": (
            "nncore.plots.network_diagram(model) draws it, model.history.plot() its training"
        ),
        "epochs n_epochs n_iter_": "model.epoch is the number of epochs trained",
        "eval train": NO_MODES,
        "feature_names_in_": "model.feature_names has them",
        "fit_one_cycle lr_find": "give the optimizer a schedule: model.compile(Adam(OneCycle(0.01, epochs=10)))",
        "fit_transform": "model.fit(X, y) trains, and model.predict(X) returns the outputs",
        "requires_grad_ trainable": "model.freeze(layer) and model.unfreeze(layer) say which layers learn",
        "evaluate_generator": "model.evaluate(X, y) takes arrays",
        "export load save_model save_weights": SAVING,
        "fit_generator": "model.fit(X, y) takes arrays, and model.train_on_batch(X, y) batch after batch",
        "get_gradients grad gradient gradients": "model.loss_and_gradient(X, y) returns loss and gradient",
        "get_params set_params": "a model is no estimator of scikit-learn; nncore.sklearn.Classifier(layers) is one",
        "input_shape": "model.program.n_features is the number of inputs",
        "input inputs n_features n_features_in_ n_inputs": "model.program.n_features is their number",
        "learning_rate lr": "model.optimizer.learning_rate is it",
        "load_state_dict load_weights": SETTING,
        "loss_": "model.history['loss'][-1] is the last one",
        "loss_curve_": "model.history['loss'] has the loss of all epochs",
        "metrics_names": "list(model.evaluate(X, y).keys()) are the names",
        "output_shape": "model.program.n_outputs is the number of outputs",
        "n_classes n_outputs n_outputs_ num_classes output outputs": "model.program.n_outputs is their number",
        "partial_fit": "every fit goes on from where the model is; model.train_on_batch(X, y) does one update",
        "pop": "model.remove(index) takes a layer out: model.remove(len(model.layers) - 1)",
        "predict_generator": "model.predict(X) takes arrays",
        "predict_log_proba": "numpy.log(model.predict_proba(X)) is it",
        "predict_on_batch": "model.predict(X) takes any number of rows",
        "score": "model.evaluate(X, y) returns loss and metrics, as in model.compile(metrics=['accuracy'])",
        "state_dict": f"{WEIGHTS}; {SAVING}",
        "test test_on_batch validate": "model.evaluate(X, y) takes any number of rows",
        "random_state": "model.seed is it",
        "reset_optimizer": "model.compile(optimizer) again begins with an optimizer without memory",
        "to_json to_yaml": f"json.dumps(model.get_config()) says what it is; {SAVING}",
        "non_trainable_weights trainable_variables trainable_weights variables weights weights_": WEIGHTS,
        "val_loss": "model.history['val_loss'] has it of all epochs, after a fit with validation_data",
        "zero_grad": f"{NO_STEPS}; model.loss_and_gradient(X, y) returns the gradient",
    }
)
"""Attributes and methods of models there -> what to write here."""

SET_ON_A_MODEL = table(
    {
        "learning_rate lr": "model.optimizer = dataclasses.replace(model.optimizer, learning_rate=0.01) sets it",
        "trainable": "model.freeze(layer) and model.unfreeze(layer) say which layers learn",
        "weights": "model.set_weights(list of arrays) sets them",
    }
)
"""What a model would keep without a word, and without effect, if it were set."""

WHEN_MADE = "it is set when the model is made, as in Sequential(layers, seed=0, dtype='float64')"
OF_COMPILE = "model.compile('adam', loss='mse', metrics=['mae']) sets it"
READ_ONLY = table(
    {
        "built program": "model.build(n_features) builds it, as does the first fit",
        "dtype dtype_policy seed": WHEN_MADE,
        "epoch": "epoch counts what was trained; model.train_on_batch(X, y, epoch=...) takes the time of an update",
        "feature_names": "the first table that the model is trained on decides",
        "last_activation": "model.replace(index, layer) sets another last layer",
        "layers": "model.add, insert, remove, move and replace change them",
        "loss loss_is_inferred metrics scorers": OF_COMPILE,
        "n_parameters": "it follows from the layers",
        "parameters": "model.parameters[:] = vector sets them, as does model.set_weights(list of arrays)",
    }
)
"""What a model tells and is not to be set -> what sets it."""

OF_LAYERS = table(
    {
        "append": "model.add(layer) appends one, model.insert(index, layer) puts one in",
        "clear": "Sequential(layers) makes another model",
        "extend": "model.add(layer) appends one",
        "insert": "model.insert(index, layer) puts one in",
        "pop remove": "model.remove(index) takes one out",
        "reverse": "model.move(from_index, to_index) moves one",
        "__setitem__": "model.replace(index, layer) puts another in its place",
        "__delitem__": "model.remove(index) takes one out",
    }
)
"""What lists have and the layers of a model have not, which cannot be changed in place -> what to write instead."""

OF_A_LAYER = table(
    {
        "adapt": "model.adapt(X) does it, and the first fit by itself",
        "bias get_weights kernel set_weights variables weight weights": NO_NUMBERS,
        "count_params": "model.n_parameters is the number of all, and model.summary() tells that of each layer",
        "get_config": "the fields of a layer are its attributes, as repr(layer) shows them",
        "input output": "model.activations(X, layer) is what one gives, model.explain_step(X, y).layers all of a step",
        "output_shape": "model.summary() tells the number of outputs of each layer",
    }
)
"""The same of layers."""

OF_AN_OPTIMIZER = table(
    {
        "apply_gradients": "model.apply_gradient(gradient) does one update by the vector that model.backward returns",
        "minimize step zero_grad": NO_STEPS,
        "iterations": "an optimizer is a rule and counts nothing; model.epoch is the number of epochs trained",
        "lr": "optimizer.learning_rate is it",
        "param_groups": "optimizer.learning_rate is the rate of all parameters",
    }
)
"""The same of optimizers."""

OF_THE_PACKAGE = table(
    {
        "accuracy accuracy_score confusion_matrix f1_score r2_score roc_auc_score": "see nncore.metrics",
        "Add add Concatenate concatenate": "Residual adds what it reads, Parallel puts branches side by side",
        "backend keras models nn utils": "the package is flat: from nncore import Dense, Sequential, load",
        "AveragedModel SwapEMAWeights": "use ExponentialMovingAverage or StochasticWeightAveraging, callbacks",
        "BackupAndRestore": "use ModelCheckpoint, and nncore.load(path) to go on",
        "BatchNorm1d BatchNormalization": "use BatchNorm",
        "Callback": "any object with hooks is one, such as on_epoch_end(self, model, epoch, logs)",
        "GradScaler LossScaleOptimizer": f"{NO_SCALING}, so leave it out",
        "set_default_dtype set_floatx": OF_MODEL,
        "TerminateOnNaN": "fit raises TrainingDiverged by itself",
        "BCELoss BCEWithLogitsLoss": "use BinaryCrossentropy, with from_logits=True where outputs are logits",
        "clone_model": ANEW,
        "constant DataLoader Tensor tensor TensorDataset Variable": ARRAYS,
        "Attention Bidirectional Bilinear Masking MultiHeadAttention Permute Rescaling Reshape RNN": NO_LAYER,
        "Conv1D Conv2D GRU Lambda LSTM MaxPooling2D SimpleRNN TimeDistributed": NO_LAYER,
        "autocast bfloat16 dtype_policies mixed_precision set_float32_matmul_precision set_global_policy": BFLOAT16,
        "set_dtype_policy set_mixed_precision_policy": BFLOAT16,
        "Adadelta Adafactor Adamax ASGD Ftrl RAdam Rprop": NO_OPTIMIZER,
        "AlphaDropout FeatureAlphaDropout": f"use Dropout, which is without selu's own values; {NO_LAYER}",
        "GaussianDropout": "use Dropout(rate), or GaussianNoise(stddev), which adds where that one multiplies",
        "Dropout1d Dropout2d SpatialDropout1D SpatialDropout2D": "rows here have no channels: use Dropout",
        "GroupNorm GroupNormalization": NO_LAYER,
        "RMSNormalization": "use RMSNorm",
        "ConstantLR CyclicLR LambdaLR": NO_SCHEDULE,
        "CosineAnnealingWarmRestarts": "use CosineDecayRestarts",
        "LinearLR PolynomialLR": "use PolynomialDecay",
        "CosineAnnealing CosineAnnealingLR lr_scheduler": "give a schedule: Adam(CosineDecay(0.01, epochs=50))",
        "CrossEntropyLoss NLLLoss": CROSSENTROPY,
        "CSVDataset read_csv": "use nncore.datasets.read_csv",
        "ELU GELU Identity LeakyReLU ReLU Sigmoid SiLU Softmax Softplus Swish Tanh": BY_NAME,
        "GradientTape": "model.loss_and_gradient(X, y) returns loss and gradient",
        "GridSearchCV RandomizedSearchCV": "use nncore.search",
        "KFold StratifiedKFold": "nncore.cross_validate(model, X, y, folds=5) cuts the rows",
        "LabelEncoder": "names, y = numpy.unique(labels, return_inverse=True) numbers classes",
        "MaxNorm NonNeg UnitNorm constraints": "of constraints there is max_norm, as in Dense(8, max_norm=3)",
        "make_pipeline Pipeline": "those of nncore.sklearn go into scikit-learn's",
        "Hardsigmoid HardSigmoid Hardswish HardSwish Hardtanh HardTanh Mish ReLU6 SELU Softsign": BY_NAME,
        "ExponentialLR": "use StepDecay(rate, factor=gamma, every=1)",
        "Flatten": "reshape the rows before: X.reshape(len(X), -1)",
        "GlorotNormal GlorotUniform HeNormal HeUniform": BY_ITS_NAME,
        "LecunNormal LecunUniform": BY_ITS_NAME,
        "Input InputLayer": f"leave it out: {NO_INPUT}",
        "L1 L1L2 L2 regularizers": PENALTY,
        "L1Loss": "use MeanAbsoluteError",
        "LabelBinarizer one_hot OneHotEncoder to_categorical": LABELS,
        "LayerNormalization": "use LayerNorm",
        "LBFGS": "it is a solver: model.fit(X, y, solver='lbfgs'), or from nncore.solvers import LBFGS",
        "LevenbergMarquardt LM": "it is a solver: model.fit(X, y, solver='lm'), or from nncore.solvers import LM",
        "Linear": "use Dense",
        "load_model": "nncore.load(path) reads what model.save(path) wrote",
        "load_weights": SETTING,
        "manual_seed seed set_random_seed set_seed": SEEDS,
        "MinMaxScaler Standardize StandardScaler": "use nncore.datasets.Standardizer, or Normalization() in the model",
        "MLPClassifier": f"nncore.sklearn.MLPClassifier is one; {CLASSIFIER} is a model for k classes, numbered from 0",
        "MLPRegressor": f"nncore.sklearn.MLPRegressor is one; {REGRESSOR} is a model",
        "Model Module": f"{CLASSIFIER} is a model for k classes, {REGRESSOR} one for quantities",
        "MSELoss": "use MeanSquaredError",
        "MultiStepLR PiecewiseConstantDecay": "use PiecewiseConstant",
        "cuda device is_available": NO_DEVICE,
        "no_grad": "predict computes no gradients, so leave it out",
        "OneCycleLR": "use OneCycle",
        "plot_model": "nncore.plots.network_diagram(model) draws it",
        "save save_model": SAVING,
        "GaussianNLLLoss": "use GaussianNegativeLogLikelihood, of a network with two outputs for each target",
        "KLDivLoss": "use KLDivergence, of a network that ends with softmax",
        "PoissonNLLLoss": "use Poisson, with log_input=True where outputs are logarithms",
        "SmoothL1Loss": "use Huber",
        "StepLR": "use StepDecay",
        "summary": "model.summary() returns the table",
        "train_test_split": "use nncore.datasets.train_test_split",
    }
)
"""Names of other packages, and of their modules -> what to write here."""

OWN_METRIC = "give a function: def own(y_true, y_pred): return sklearn.metrics."
METRICS = {
    "cohenkappascore kappa": f"{OWN_METRIC}cohen_kappa_score(y_true[:, 0], y_pred[:, 0] > 0.5)",
    "f2 f2score fbeta fbetascore": f"{OWN_METRIC}fbeta_score(y_true[:, 0], y_pred[:, 0] > 0.5, beta=2)",
    "jaccard jaccardscore iou": f"{OWN_METRIC}jaccard_score(y_true[:, 0], y_pred[:, 0] > 0.5)",
    "medae medianabsoluteerror": f"{OWN_METRIC}median_absolute_error(y_true, y_pred)",
    "msle meansquaredlogerror": f"{OWN_METRIC}mean_squared_log_error(y_true, y_pred)",
    "rocaucovr": "'auc' takes each class against the rest, 'auc_weighted' by their rows",
    "sensitivity": "'recall' is it",
    "specificity": "'recall_of_0' is it, the recall of class 0",
    "topk topkaccuracy topkaccuracyscore": "say k, as in 'top_3_accuracy'",
}
FIXED = "there is none like it, so give RandomNormal(stddev) or RandomUniform(limit), or set the weights"
NO_LOSS = "no loss here is like it"
NEAREST = {
    "activation": {"glu": "gelu", "softmin": "softmax"},
    "optimizer": {"adadelta rprop": "rmsprop", "adamax radam": "adam", "asgd": "sgd"},
}
"""Names of a kind that are others, and the nearest that are here."""
OF_A_KIND = {
    "metric": table(METRICS),
    "loss": table(
        {
            "cosinesimilarity mape meanabsolutepercentageerror": NO_LOSS,
            "meansquaredlogarithmicerror msle": "train on numpy.log1p(y) with 'mse'",
            "categoricalhinge": f"{NO_LOSS}; classes take a crossentropy",
            "rmse rootmeansquarederror": "'mse' is least for the same weights",
        }
    ),
    "weight_initializer": table({"identity variancescaling": FIXED}),
    "activation": {
        "logsoftmax": "end with softmax: the loss reads the logits",
        "logsigmoid": "end with sigmoid: the loss reads the logits",
        "prelu": "it is a layer: Dense(8), PReLU()",
    },
    "optimizer": {},
}
for _kind, _rows in NEAREST.items():
    OF_A_KIND[_kind] |= {name: f"it is not here; nearest is {near}" for name, near in table(_rows).items()}
"""What names of a kind mean that nothing here is called by; in small letters, without what stands between."""


def of_any_kind(name: str) -> str | None:
    """Return what to write instead of a metric, loss, initializer, activation or optimizer that is not here.

    Examples
    --------
    >>> of_any_kind("CategoricalHinge")
    'no loss here is like it; classes take a crossentropy'
    >>> of_any_kind("Dense")
    """
    meant = bare(name)
    found = (table.get(one) for table in OF_A_KIND.values() for one in (meant, meant.removesuffix("loss")))
    return next(filter(None, found), None)


def word(words: Mapping[str, str], name: str) -> str | None:
    """Return what to write instead of a name, in whatever letters; None if nobody says it.

    Examples
    --------
    >>> word({"ReLU": "Activation('relu')"}, "Relu")
    "Activation('relu')"
    """
    meant = bare(name)
    return words.get(name) or next((mend for one, mend in words.items() if bare(one) == meant), None)


def bare(name: str) -> str:
    """Return a name in small letters, without what stands between.

    Examples
    --------
    >>> bare("F1-Score")
    'f1score'
    """
    return "".join(letter for letter in name.lower() if letter.isalnum())
