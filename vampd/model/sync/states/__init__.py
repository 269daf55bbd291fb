"""States: what the model of the trigger says of frames: pairs, FLC states, and why."""
