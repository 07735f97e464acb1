"""How fast nncore is: ``python -m bench`` against its NumPy reference, ``python -m bench peers`` against others.

``python -m bench layers`` times networks of more than `Dense` layers, ``python -m bench builder`` training that pages
watch, ``python -m bench estimators`` fits of the estimators beside scikit-learn's, ``python -m bench many`` many small
networks at once.
"""

SECTIONS = ("training", "predict", "bfloat16", "accuracy", "footprint")
"""The parts of ``python -m bench peers``: modules of this package."""
