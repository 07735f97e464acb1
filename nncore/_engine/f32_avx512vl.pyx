# float32 on avx512vl; setup.py gives the compiler flags
include "engine.pxi"
