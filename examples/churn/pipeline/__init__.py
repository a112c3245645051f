"""Training: from a table of customers to a registered model."""
