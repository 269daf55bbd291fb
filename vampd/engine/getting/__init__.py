"""Products handed to an observer: chosen by their cards, copied, and checked on arrival."""
