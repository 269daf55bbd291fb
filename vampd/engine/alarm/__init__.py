"""The alarm: who is told what is wrong, once, and when it is over."""
