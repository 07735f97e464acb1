"""``python -m bench.recipes CONTENDER SEED THREADS FOLDER``: train to the accuracy, print one line of JSON about it.

FOLDER holds the four IDX files of the MNIST digits. The line says how many ``epochs`` it took, the ``accuracy`` then,
``reached``: whether that is enough, ``train_seconds``: from the data in memory to the end, and ``epoch_seconds``: the
median of the epochs but the first, which compiles.
"""

import json
import sys
import time
from itertools import pairwise
from pathlib import Path
from statistics import median

from bench.__main__ import prefer_installed_nncore
from bench.recipes import RECIPES
from bench.threads import limit


def main(contender: str, seed: int, threads: int, folder: Path) -> None:
    limit(threads)  # before NumPy is imported, which looks at the environment once
    prefer_installed_nncore()
    train = RECIPES[contender].train()
    from bench.recipes.recipe import MOST_EPOCHS, TARGET, load

    digits = load(folder)
    accuracies: list[float] = []
    ends: list[float] = []

    def enough(accuracy: float) -> bool:
        accuracies.append(accuracy)
        ends.append(time.perf_counter())
        return accuracy >= TARGET or len(accuracies) == MOST_EPOCHS

    start = time.perf_counter()
    train(digits, seed, threads, enough)
    seconds = time.perf_counter() - start
    found = {"epochs": len(accuracies), "accuracy": accuracies[-1], "reached": accuracies[-1] >= TARGET}
    later = [end - before for before, end in pairwise(ends)]
    times = {"train_seconds": seconds, "epoch_seconds": median(later) if later else seconds}
    print(json.dumps({**found, **times}))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), Path(sys.argv[4]))
