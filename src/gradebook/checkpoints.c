/* Checkpoints, models and runs. */
