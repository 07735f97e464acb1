"""What every room stands on: names, checks, memory, files, random numbers. Imports nothing of nncore but errors."""
