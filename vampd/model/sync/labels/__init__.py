"""Labels: the FLC state of each frame, by the intervals of the trigger."""
