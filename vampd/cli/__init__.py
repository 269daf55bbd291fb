"""The commands: vampd, the daemon, and vampctl, with which people ask and tell it things."""

import gc
import os

# People wait for `vampctl status`. What is imported stays to the end, so that looking through it
# for garbage every 700 objects only costs time; and no plugin of pydantic is wanted, for which it
# would read every installed distribution.
gc.set_threshold(100_000)
os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")
