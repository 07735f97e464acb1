# float64 on avx512; setup.py gives the compiler flags
include "engine.pxi"
