"""float64 on avx512vl; see f32_base.pyi."""

from nncore._engine.f32_base import *  # noqa: F403
