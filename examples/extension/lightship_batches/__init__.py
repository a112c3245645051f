"""What our scoring service needs beyond Lightship: how many batches wait, and a pause for the training."""
