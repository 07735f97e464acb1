"""How fast nncore is: ``python -m bench`` against its NumPy reference, ``python -m bench peers`` against others."""
