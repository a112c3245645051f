"""What is being done: each engine loads state, asks the pure domain what follows, and saves it."""
