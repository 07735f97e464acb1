"""What its control groups allow this process: the one it is in, and all above it (Linux, versions 1 and 2)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

ROOT, PROCESS = Path("/sys/fs/cgroup"), Path("/proc/self/cgroup")
Limit = TypeVar("Limit", int, float)


def limit(
    controller: str,
    read_v2: Callable[[Path], Limit],
    read_v1: Callable[[Path], Limit],
    root: Path = ROOT,
    process: Path = PROCESS,
) -> Limit | None:
    """Return the tightest limit from this process's group up to the root of them; None if there is none.

    Parameters
    ----------
    controller : str
        Its name in version 1, such as ``"memory"``.
    read_v2, read_v1 : callable
        Given the folder of a group, return its limit. An OSError or a ValueError stands for none.
    root, process : Path, optional
        Where the groups are, and where it stands in which this process is. In a container `root` may be the process's
        own group, whatever path it has outside: folders that are not there are passed over.

    Examples
    --------
    >>> limit("memory", lambda group: 1000, lambda group: 1000, process=Path("/none")) is None
    True
    """
    try:
        lines = process.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:  # not on Linux
        return None
    limits: list[Limit] = []
    for line in lines:
        _, controllers, path = line.split(":", 2)
        if controllers == "":
            limits += _limits(root, path, read_v2)
        elif controller in controllers.split(","):
            limits += _limits(root / controller, path, read_v1)
    return min(limits, default=None)


def _limits(root: Path, path: str, read: Callable[[Path], Limit]) -> Iterator[Limit]:
    group: Path = root / path.lstrip("/")
    for folder in (group, *(parent for parent in group.parents if root in (parent, *parent.parents))):
        try:
            yield read(folder)
        except (OSError, ValueError):  # no such group, or one without a limit
            continue
