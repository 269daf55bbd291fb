"""The commands: vampd, the daemon, and vampctl, which queries and controls it."""

import gc
import os

# People wait for `vampctl status`. What is imported stays until the end, so scanning it for garbage
# every 700 objects only costs time; and no pydantic plugin is wanted, for which pydantic would read
# every installed distribution.
gc.set_threshold(100_000)
os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")
