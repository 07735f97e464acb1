# float32 with products of bfloat16 on avx512; setup.py gives the compiler flags
include "engine.pxi"
