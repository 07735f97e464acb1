"""``python -m bench.predictors CONTENDER THREADS``: predict when asked to on stdin; started by `bench.predict`."""

import sys

from bench.__main__ import prefer_installed_nncore
from bench.threads import limit

if __name__ == "__main__":
    contender, threads = sys.argv[1], int(sys.argv[2])
    limit(threads)  # before NumPy is imported, which looks at the environment once
    prefer_installed_nncore()
    from bench.predictors.server import Server
    from bench.worker import serve

    serve(Server(contender, threads))
