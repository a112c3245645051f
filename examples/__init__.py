"""Services that Lightship can watch: for load tests and the closed loop, not part of the product."""
