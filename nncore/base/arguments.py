"""What arguments are called in Keras, PyTorch and scikit-learn, and what to write here instead.

Only errors ask; nothing imports this with nncore.
"""

from __future__ import annotations

from nncore.base import elsewhere

ONE_FORMAT = "a file holds the whole model in one format, and an older file is replaced, so leave it out"
DATA_ONLY = "a file holds names and numbers alone, so leave it out; metrics that are functions go to compile again"
OF_COMPILE = "it goes to compile, as in model.compile('adam', loss='mse', metrics=['mae'])"
OF_FIT = "it goes to fit, as in model.fit(X, y, epochs=10, batch_size=32)"
OF_OPTIMIZER = "it is the optimizer's, as in model.compile(Adam(learning_rate=0.01))"
SMOOTHED = "it is the loss's, as in loss=nncore.losses.CategoricalCrossentropy(label_smoothing=0.1)"
STOPPING = "fit takes callbacks=EarlyStopping(patience=10), with validation_data or validation_split"
LAYERS = f"give layers, as in {elsewhere.CLASSIFIER} for k classes, {elsewhere.REGRESSOR} for quantities"
ACCUMULATED = (
    "batch_size=32 * steps in fit makes the same updates, and takes little more memory: rows of a batch pass in pieces"
)

ARGUMENTS = {
    "Y": "y",
    "bias": "use_bias",
    "callback": "callbacks",
    "class_weights": "class_weight",
    "clipnorm": "clip_norm",
    "clipvalue": "clip_value",
    "criterion": "loss",
    "cv": "folds",
    "dtype_policy": "dtype",
    "elementwise_affine": "affine",
    "eps": "epsilon",
    "eta": "learning_rate",
    "eval_set": "validation_data",
    "embedding_dim": "output_dim",
    "filename": "path",
    "global_clipnorm": "clip_norm",
    "init": "weight_initializer",
    "input_dim": "n_features",
    "input_shape": "n_features",
    "kernel_constraint": "max_norm",
    "kernel_initializer": "weight_initializer",
    "learning_rate_init": "learning_rate",
    "lr": "learning_rate",
    "max_iter": "epochs",
    "n_epochs": "epochs",
    "n_iter": "epochs",
    "n_repeats": "repeats",
    "n_splits": "folds",
    "n_trials": "n",
    "nb_epoch": "epochs",
    "num_epochs": "epochs",
    "out_features": "units",
    "p": "rate",
    "param_distributions": "space",
    "param_grid": "space",
    "precision": "dtype",
    "quantile": "quantiles",
    "random_seed": "seed",
    "random_state": "seed",
    "sample_weights": "sample_weight",
    "scoring": "score",
    "std": "stddev",
    "val_split": "validation_split",
    "validation_fraction": "validation_split",
    "x": "X",
}
"""What arguments are called there, and here."""

PENALTY_OF_VECTORS = "penalties are numbers, as in Embedding(10, 4, l2=1e-4)"
ADVICE = elsewhere.table(
    {
        "activation": "it is each layer's, as in Dense(64, 'relu')",
        "activity_regularizer": "penalties of outputs are numbers, as in Dense(8, activity_l2=1e-4)",
        "alpha kernel_regularizer penalty": elsewhere.PENALTY,
        "batch_size class_weight epochs max_iter n_iter": OF_FIT,
        "axis": "it is the last one, so leave it out",
        "betas": "they are two numbers, as in Adam(beta_1=0.9, beta_2=0.999)",
        "beta_initializer gamma_initializer": "gamma begins with 1 and beta with 0, so leave it out",
        "bias_regularizer": "penalties of a bias are numbers, as in Dense(8, bias_l2=1e-4)",
        "center scale": "here it is affine, for gamma and beta together",
        "compile custom_objects weights_only": DATA_ONLY,
        "decay": "give a schedule as learning_rate, as in nncore.ExponentialDecay",
        "amsgrad": "Adam and AdamW have it, as in Adam(amsgrad=True)",
        "centered": "RMSprop has it, as in RMSprop(centered=True)",
        "dampening foreach fused maximize": "there is no such variant, so leave it out",
        "ema_momentum use_ema": "it is a callback: fit(X, y, callbacks=ExponentialMovingAverage(0.99, every='batch'))",
        "ema_overwrite_frequency": "the average goes into the model at the end of training, so leave it out",
        "device map_location": elsewhere.NO_DEVICE,
        "auto_scale_loss loss_scale": f"{elsewhere.NO_SCALING}, so leave it out",
        "dtype random_state seed": elsewhere.OF_MODEL,
        "dtype_policy precision": elsewhere.BFLOAT16,
        "early_stopping n_iter_no_change patience tol": STOPPING,
        "accumulation_steps accumulate_grad_batches gradient_accumulation_steps": ACCUMULATED,
        "from_logits": "it is the loss's, as in model.compile(loss=nncore.losses.BinaryCrossentropy(from_logits=True))",
        "hidden_layer_sizes": LAYERS,
        "high low maxval minval": "it lies around 0: RandomUniform(limit=0.05) is from -0.05 to 0.05",
        "histogram_freq update_freq write_graph write_images": "it writes scalars after every epoch, so leave it out",
        "ignore_class ignore_index": "leave these rows out before",
        "in_features input_dim input_shape num_features normalized_shape": elsewhere.NO_INPUT,
        "include_optimizer overwrite save_format": ONE_FORMAT,
        "initial_epoch": "epochs are counted on over all calls of fit, so leave it out",
        "learning_rate learning_rate_init lr": OF_OPTIMIZER,
        "label_smoothing": SMOOTHED,
        "expand_nested line_length positions print_fn": "print(model.summary()) shows the table, so leave it out",
        "loss metrics optimizer": OF_COMPILE,
        "loss_weights": "it is compile's, of several losses; for one, MeanSquaredError(output_weights=[1, 0.5])",
        "mask_missing": "it is the loss's, as in model.compile(loss=nncore.MeanSquaredError(mask_missing=True))",
        "embeddings_regularizer": PENALTY_OF_VECTORS,
        "input_length mask_zero padding_idx": "there are no sequences, but one column for each layer, so leave it out",
        "output_mode": "it is 'one_hot', so leave it out",
        "mean": "it is 0, so leave it out",
        "name": "only models and layers have names, so leave it out",
        "negative_slope": "it is the activation's, as in Dense(8, Activation('leaky_relu', negative_slope=0.1))",
        "n_jobs use_multiprocessing workers": "nncore.set_num_threads(n) says how many threads compute",
        "pos_weight": "it is the loss's, as in loss=nncore.BinaryCrossentropy(pos_weight=3)",
        "weight": "it goes to fit, as in model.fit(X, y, class_weight={0: 1.0, 1: 3.0})",
        "reduce reduction size_average": "a loss is the mean over rows, so leave it out",
        "run_eagerly": "there is one way to run, so leave it out",
        "save_freq": "it saves after epochs, so leave it out",
        "save_weights_only": "files hold the whole model, so leave it out",
        "solver": "it goes to fit, as in model.fit(X, y, solver='lbfgs')",
        "steps": "all rows are taken, so leave it out",
        "steps_per_epoch": "it goes to a Sequential's fit, as in model.fit(X, y, steps_per_epoch=100)",
        "test_size": "give validation_split, or cut the rows with nncore.datasets.train_test_split",
        "train_size": "give test_size: what is not in the test is in the training part",
        "validation_batch_size": "validation needs no batches, so leave it out",
        "validation_freq": "it goes to a Sequential's fit: model.fit(X, y, validation_split=0.2, validation_freq=5)",
        "validation_steps": "all validation rows are scored, so leave it out",
        "verbose": "it prints nothing, so leave it out; what it did is in its attributes and in the history",
        "weight_decay": "AdamW has it, and so has a layer under any optimizer, as in Dense(8, weight_decay=0.01)",
        "weighted_metrics": "metrics called weighted_ count rows as sample_weight says: metrics=['weighted_accuracy']",
        "warm_start": "every fit goes on from where the model is, so leave it out",
    }
)
"""What to do about arguments that have no counterpart where they are given."""

TOO_MANY = {"Sequential": "layers are one list, as in Sequential([Dense(64, 'relu'), Dense(10, 'softmax')])"}
"""What to say besides where a function is given more by place than it takes."""

OF_EPOCHS = "time is counted in epochs, not in steps, so divide by the steps of an epoch"
NO_STAIRS = "StepDecay(initial_rate, factor, every) falls in stairs, ExponentialDecay smoothly, so leave it out"
_FALLS = elsewhere.table(
    {
        "base_lr initial_learning_rate learning_rate lr": "here it is initial_rate",
        "decay_steps step_size": f"here it is every; {OF_EPOCHS}: every=decay_steps / n_batches",
        "decay_rate gamma": "here it is factor",
        "staircase": NO_STAIRS,
    }
)
_TOPS = {
    "initial_learning_rate learning_rate lr max_lr": "here it is peak_rate",
    "eta_min min_lr": "here it is final_rate",
    "decay_steps": f"here it is epochs, the warm-up included; {OF_EPOCHS}: epochs=decay_steps / n_batches",
    "T_max total_steps": f"here it is epochs; {OF_EPOCHS}",
    "decay_rate gamma staircase": "the rate falls along a cosine; ExponentialDecay and StepDecay have a factor",
}

_MOMENTUM = {"momentum": "its momentum is beta_1"}
_SLOPE = "it is the activation's, as in Dense(8, Activation('elu', alpha=0.5)); penalties are l1 and l2"

OF_CALL = {
    "Adam": _MOMENTUM,
    "AdamW": _MOMENTUM,
    "Nadam": _MOMENTUM,
    "Dense": {"alpha": _SLOPE},
    "GaussianNoise": {"sigma": "here it is stddev"},
    "PReLU": elsewhere.table(
        {
            "init": "here it is alpha_initializer=Constant(0.25)",
            "num_parameters shared_axes": "every column has a slope of its own, so leave it out",
        }
    ),
    "RMSNorm": {"scale": "here it is affine"},
    "RMSprop": {"alpha": "here it is rho"},
    "CosineDecay": elsewhere.table(
        {
            **_TOPS,
            "initial_learning_rate": "here it is peak_rate; with a warm-up, initial_rate",
            "warmup_target": "here it is peak_rate",
            "alpha": "give the last rate itself: final_rate=alpha * peak_rate",
            "warmup_steps": f"here it is warmup_epochs; {OF_EPOCHS}: warmup_epochs=warmup_steps / n_batches",
        }
    ),
    "OneCycle": elsewhere.table(
        {
            **_TOPS,
            "pct_start": "here it is rise",
            "div_factor": "give the first rate itself: initial_rate=peak_rate / div_factor",
            "final_div_factor": "give the last rate itself: final_rate=initial_rate / final_div_factor",
        }
    ),
    "CosineDecayRestarts": elsewhere.table(
        {
            **_TOPS,
            "decay_steps first_decay_steps T_0": f"here it is epochs, of the first period; {OF_EPOCHS}",
            "alpha": "give the last rate itself: final_rate=alpha * peak_rate",
            "T_mult": "here it is t_mul",
            "gamma": "here it is m_mul",
            "warmup_epochs warmup_steps": "CosineDecay has a warm-up, but does not restart",
        }
    ),
    "ExponentialDecay": _FALLS,
    "InverseTimeDecay": _FALLS | {"decay_rate": "give it by name", "gamma": "here it is decay_rate"},
    "PolynomialDecay": elsewhere.table(
        {
            "initial_learning_rate learning_rate lr": "here it is initial_rate",
            "end_learning_rate eta_min min_lr": "here it is final_rate",
            "decay_steps total_iters": f"here it is epochs; {OF_EPOCHS}: epochs=decay_steps / n_batches",
        }
    ),
    "StepDecay": _FALLS,
    "PiecewiseConstant": elsewhere.table(
        {
            "values": "here it is rates, which come first",
            "milestones": f"here it is boundaries; {OF_EPOCHS}",
            "gamma": "give every rate itself: rates=[0.1, 0.1 * gamma, 0.1 * gamma**2]",
        }
    ),
}
"""What is to be said of arguments of single functions, by what messages call these; it goes before the rest."""
