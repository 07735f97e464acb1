"""Write the pages that nobody should have to keep up to date: one for each module of the reference and each lesson."""

import ast
import importlib
import inspect
import subprocess
import sys
from pathlib import Path

from sphinx.pycode import ModuleAnalyzer

import nncore

LESSONS = Path(__file__).resolve().parent / "lessons"


def write(folder):
    """Write all pages into `folder`, those of lessons with their figures and what they print."""
    for name in ("reference", "lessons"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    for module in sorted({*nncore.MODULES, *nncore.HOMES}):
        (folder / "reference" / f"{module}.rst").write_text(reference(module), encoding="utf-8")
    for script in sorted(LESSONS.glob("[0-9]*.py")):
        (folder / "lessons" / f"{script.stem}.md").write_text(lesson(script, folder / "lessons"), encoding="utf-8")


# ---------------------------------------------------------------------------------------------------------- reference


def reference(module):
    """Return the page of a module directly under nncore: its docstring and all its public names."""
    home = importlib.import_module(f"nncore.{module}")
    title = f"nncore.{module}"
    lines = [title, "=" * len(title), "", f".. automodule:: {title}", "   :no-members:", ""]
    data = documented_data(home)
    for name in public_names(module, home, data):
        value, owner = getattr(home, name), "nncore" if name in nncore.HOMES.get(module, ()) else title
        if owner == title and name in nncore.__all__ and value is getattr(nncore, name):
            continue  # stands on the page of its own module
        if name in data:
            lines += [f".. py:data:: {owner}.{name}", "", *(f"   {line}" for line in data[name])]
        elif inspect.isclass(value):
            lines += [f".. autoclass:: {owner}.{name}", "   :members:", *inheritance(value), ""]
        elif callable(value):
            lines += [f".. autofunction:: {owner}.{name}", ""]
    return "\n".join(lines)


def documented_data(home):
    """Return the docstrings, as lists of lines, of the constants of a module or of a package's modules."""
    modules = [name for name in sys.modules if f"{name}.".startswith(f"{home.__name__}.")]
    docs = (ModuleAnalyzer.for_module(name).find_attr_docs() for name in modules)
    return {name: lines for found in docs for (owner, name), lines in found.items() if not owner}


def public_names(module, home, data):
    """Return the names of a module that are for users: `__all__`, else what is defined there, with its base classes."""
    if module not in nncore.MODULES:  # its one class or function is public, the module itself is not
        return nncore.HOMES[module]
    here = {name: value for name, value in vars(home).items() if getattr(value, "__module__", None) == home.__name__}
    classes = [value for name, value in here.items() if name in nncore.__all__ and inspect.isclass(value)]
    bases = (base for cls in classes for base in cls.__mro__[1:] if base.__module__.startswith("nncore"))
    names = dict.fromkeys([*(base.__name__ for base in bases if base.__name__ in vars(home)), *here, *data])
    return getattr(home, "__all__", [name for name in names if not name.startswith("_")])


def inheritance(cls):
    """Return the options that show what a class inherits, if it is from other classes of nncore or from errors."""
    own = any(base.__module__.startswith("nncore") for base in cls.__mro__[1:])
    foreign = (base.__name__ for base in cls.__mro__ if not base.__module__.startswith("nncore"))
    options = ["   :show-inheritance:"] if own or issubclass(cls, Exception) else []
    if routing := [name for name in dir(cls) if name.startswith("set_") and name.endswith("_request")]:
        options.append(f"   :exclude-members: {', '.join(routing)}")  # scikit-learn makes them, and says what they are
    return [*options, f"   :inherited-members: {', '.join(foreign)}"] if own else options


# ------------------------------------------------------------------------------------------------------------ lessons


def lesson(script, folder):
    """Run a lesson and return its page: the text from its docstring, figure, output and source."""
    source = script.read_text(encoding="utf-8")
    finished = subprocess.run([sys.executable, script, folder], capture_output=True, text=True, cwd=folder)
    if finished.returncode:
        raise RuntimeError(f"lesson {script.name} failed:\n{finished.stderr}")
    text = ast.parse(source).body[0]
    printed = finished.stdout.split("figure: ")[0].rstrip()
    code = "".join(source.splitlines(keepends=True)[text.end_lineno :]).strip()
    return f"""{text.value.value}
![The figure of the lesson, described in its text.]({script.stem}.png)

## What it prints

```text
{printed}
```

## The script

`docs/lessons/{script.name}`

```python
{code}
```
"""
