"""``python -m bench.predictors SECTION CONTENDER THREADS``: predict when asked to on stdin.

Started by `bench.predict` and `bench.bfloat16`.
"""

import sys

from bench.__main__ import prefer_installed_nncore
from bench.threads import limit

if __name__ == "__main__":
    section, contender, threads = sys.argv[1], sys.argv[2], int(sys.argv[3])
    limit(threads)  # before NumPy is imported, which looks at the environment once
    prefer_installed_nncore()
    from bench.predictors.server import Server
    from bench.worker import serve

    serve(Server(section, contender, threads))
