"""The compiled engine: one module per (number type, instruction set), and `runtime`, which they share."""
