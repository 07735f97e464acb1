# float32 with products of bfloat16 on amx; setup.py gives the compiler flags
include "engine.pxi"
