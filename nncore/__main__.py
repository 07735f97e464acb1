"""``python -m nncore`` is the command ``nncore``."""

import sys

from nncore.cli import main

sys.exit(main())
