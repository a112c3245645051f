"""A churn-prediction service as many teams run one, watched by the closed loop and the load test."""
