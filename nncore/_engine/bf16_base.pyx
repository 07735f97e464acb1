# float32 with products of bfloat16 on base; setup.py gives the compiler flags
include "engine.pxi"
