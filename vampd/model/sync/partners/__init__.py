"""Partners: which frames of the two cameras were taken together, and which lack theirs."""
