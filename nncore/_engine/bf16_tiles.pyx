# float32 with products of bfloat16 on what stands for amx in tests; setup.py gives the compiler flags
include "engine.pxi"
