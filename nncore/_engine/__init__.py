"""The compiled engine: one module per (arithmetic, instruction set), and `runtime`, which they share."""
