"""Hold the pure functions on tensors: no modules, no state, no randomness."""
