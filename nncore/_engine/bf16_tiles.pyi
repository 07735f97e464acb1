"""float32 with products of bfloat16 on what stands for amx in tests; see f32_base.pyi."""

from nncore._engine.f32_base import *  # noqa: F403
