"""What to say where somebody tries an option by another program's word, or one that only Python has."""

from __future__ import annotations

from collections.abc import Collection

from nncore.base.names import did_you_mean

OTHER_NAMES = {
    "--lr": "learning-rate rate eta learning-rate-init",
    "--activation": "act activations nonlinearity",
    "--layers": "hidden hidden-layers hidden-size hidden-sizes hidden-layer-sizes units neurons width depth",
    "--batch-size": "batch bs minibatch",
    "--epochs": "n-epochs num-epochs max-iter max-epochs iterations steps",
    "--val": "validation validation-split val-split validation-size val-size",
    "--test": "test-size test-split holdout hold-out",
    "--seed": "random-state random-seed",
    "--output": "save out model model-file",
    "--quiet": "silent verbosity",
    "--class-weight": "class-weights weights balanced balance",
    "--delimiter": "sep separator",
    "--target": "label labels y target-column",
    "--drop-missing": "dropna drop-na na",
    "--missing-values": "na-values nan-values missing null-values",
    "--day-first": "dayfirst",
    "--date-parts": "parse-dates dates",
    "--ignore": "drop exclude ignore-columns index-col",
    "--id": "ids id-column index",
    "--optimizer": "optim optimiser algorithm",
    "--threads": "jobs n-jobs num-threads workers",
    "--schedule": "lr-schedule scheduler lr-scheduler decay",
    "--proba": "probabilities probs prob predict-proba",
    "--dtype": "precision",
    "--metrics": "metric",
    "--score": "monitor scoring objective",
    "--folds": "cv k-fold kfold n-folds n-splits cross-validation",
    "--ensemble": "bagging n-models n-networks members",
}
"""By option: what other programs call it."""

OTHER_COMMANDS = {
    "train": "fit learn",
    "predict": "infer apply",
    "evaluate": "test score eval validate",
    "data show": "show head describe columns",
    "data list": "list ls datasets",
    "builder": "ui gui app serve web",
    "info": "config env",
    "--version": "version",
}
"""By command: what others call it."""

IN_PYTHON = {
    "dropout": "Dropout(0.2) among the layers",
    "batch-norm batchnorm batch-normalization": "BatchNorm() among the layers",
    "l1 l2 alpha regularization kernel-regularizer penalty": 'Dense(64, "relu", l2=1e-4)',
    "weight-decay": "AdamW(weight_decay=0.01)",
    "momentum": "SGD(0.01, momentum=0.9)",
    "patience early-stopping": "fit(callbacks=EarlyStopping(patience=20)); --val keeps the best epoch",
    "resume load continue finetune fine-tune initial-weights": "load(FILE), and fit again",
    "solver": 'fit(X, y, solver="lbfgs"), or "lm"; optimizers are --optimizer',
}
"""What the command line lacks, and how Python does it."""


def on_command(given: str) -> str:
    """Return what to say behind ``unknown command 'x'`` of a word that others use; nothing of another word.

    Examples
    --------
    >>> on_command("show"), on_command("frob")
    ("; did you mean 'data show'?", '')
    """
    meant = (command for command, words in OTHER_COMMANDS.items() if given.lower() in words.split())
    return "".join(f"; did you mean {command!r}?" for command in meant)


def on_option(given: str, known: Collection[str]) -> str:
    """Return what to say behind ``unknown option '--x'`` of a command with the options `known`.

    Examples
    --------
    >>> on_option("--learning_rate", ["--lr"]), on_option("--dropout", ["--epochs"])
    ('; here it is --lr;', '; the command line has none, Python has: Dropout(0.2) among the layers;')
    """
    word = given.lower().lstrip("-").replace("_", "-")
    if f"--{word}" in known:
        return f"; here it is --{word};"
    for option, words in OTHER_NAMES.items():
        if option in known and word in words.split():
            return f"; here it is {option};"
    if "--epochs" in known:
        for words, how in IN_PYTHON.items():
            if word in words.split():
                return f"; the command line has none, Python has: {how};"
    return did_you_mean(given, known) or ";"


def on_choice(option: str) -> str:
    """Return what to say of values of an `option` that only Python has.

    Examples
    --------
    >>> on_choice("--dtype")
    ''
    """
    if option == "--schedule":
        return "; in Python there are others: Adam(CosineDecay(0.001, 1000)), learning_rate=..."
    return ""


def on_share(text: str) -> str:
    """Return how to write a share that was given in per cent, with a decimal comma, or in other digits.

    Examples
    --------
    >>> on_share("50"), on_share("20%"), on_share("0,2"), on_share("-1")
    ('; write 0.5 for 50 %', '; write 0.2 for 20 %', '; write it as 0.2', '')
    """
    try:
        value = float(text.replace("%", "").replace(",", ".", 1))
    except ValueError:
        return ""
    if (value >= 1 or "%" in text) and 0 <= value < 100:
        return f"; write {value / 100:.12g} for {value:.12g} %"
    return f"; write it as {value}" if 0 <= value < 1 else ""
