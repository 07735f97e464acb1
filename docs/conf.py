"""How Sphinx builds the documentation of the installed nncore: ``sphinx-build -W docs build/docs``.

The pages of the reference and of the lessons are written by `pages` before Sphinx reads the rest.
"""

import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

import pages  # noqa: E402

import nncore  # noqa: E402

project = "nncore"
author = "The nncore developers"
copyright = "The nncore developers"
version = release = nncore.__version__

extensions = ["sphinx.ext.autodoc", "numpydoc", "myst_parser"]
default_role = "py:obj"  # `Dense` in a docstring is a link where there is such a name, and code elsewhere
autodoc_typehints = "none"  # the docstrings say it in words
autodoc_preserve_defaults = True
numpydoc_show_class_members = False  # autodoc lists them
numpydoc_xref_param_type = False
html_theme = "furo"
html_title = f"nncore {version}"
html_show_sphinx = False
html_static_path = ["static"]
html_css_files = ["site.css"]
html_copy_source = False


def setup(app):
    app.connect("builder-inited", lambda app: pages.write(HERE / "generated"))
