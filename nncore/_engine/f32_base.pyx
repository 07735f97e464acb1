# float32 on base; setup.py gives the compiler flags
include "engine.pxi"
