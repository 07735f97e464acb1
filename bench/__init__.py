"""How fast nncore is: ``python -m bench`` against its NumPy reference, ``python -m bench peers`` against others."""

SECTIONS = ("training", "predict", "accuracy", "footprint")
"""The parts of ``python -m bench peers``: modules of this package."""
