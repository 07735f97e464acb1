# float64 on avx2; setup.py gives the compiler flags
include "engine.pxi"
