"""Networks in PyTorch, on any device and in any precision."""
