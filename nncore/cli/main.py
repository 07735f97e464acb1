"""Run a command, and turn whatever goes wrong into one sentence and an exit code."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

from nncore.cli.errors import DONE, FAILED, USAGE, OutputError, UsageError
from nncore.cli.signals import described
from nncore.errors import EnvironmentVariableError, ModelFileError, NNCoreError


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line `argv` (default: that of the process) and return the exit code.

    Returns
    -------
    int
        0 done; 1 the work failed; 2 the command line, or a file that it names, is wrong; 130 interrupted by Ctrl-C; 143
        and 129 training or the builder ended by SIGTERM or SIGHUP.
    """
    try:
        from nncore.cli.parser import parse  # here: importing the engine may already fail, or be interrupted

        arguments = parse(sys.argv[1:] if argv is None else argv)
        if sys.stdout is None:  # as after >&-
            raise OutputError("cannot write to stdout: it is closed")
        code: int = arguments.run(arguments)
        sys.stdout.flush()  # here, where a full disk or a closed pipe can still be reported
        return code
    except SystemExit as exit_:  # --help and --version
        return DONE if exit_.code is None else int(exit_.code)
    except KeyboardInterrupt as error:
        return _fail(*described(error))
    except UnicodeEncodeError as error:  # a ValueError: before the others of its kind
        unknown = error.object[error.start : error.end]
        return _fail(
            f"cannot write {unknown!a} in the encoding {error.encoding} of stdout; set PYTHONIOENCODING=utf-8, or "
            "write to a file with -o",
            FAILED,
        )
    except BrokenPipeError:  # the reader, often head or less, has seen enough
        _discard_stdout()
        return FAILED
    except OutputError as error:
        _discard_stdout()
        return _fail(error, FAILED)
    except OSError as error:
        where = "" if error.filename is None else f"{os.fsdecode(error.filename)}: "
        return _fail(f"{where}{error.strerror or error}", USAGE)
    except (UsageError, ModelFileError, EnvironmentVariableError) as error:
        return _fail(error, USAGE)
    except MemoryError as error:
        return _fail(f"not enough memory: {error}", FAILED)
    except NNCoreError as error:
        return _fail(error, FAILED)


def _fail(message: object, code: int) -> int:
    print(f"nncore: {' '.join(str(message).split())}", file=sys.stderr)
    return code


def _discard_stdout() -> None:
    """Point stdout at nothing: Python flushes it once more at exit, and would complain then."""
    try:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except (AttributeError, OSError, ValueError):  # stdout is closed, or a stand-in such as StringIO
        return
