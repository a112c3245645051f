"""The pure middle: values and decisions, without I/O, without a clock, without any SDK."""
