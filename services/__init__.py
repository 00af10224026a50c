"""The four services of the Self-Healing Agent System and what they share."""

import gc
import sys

# Python begins one of them: nothing that it loads is garbage, and to look for some takes a sixth of
# the time. It looks again when it serves.
if sys.argv[0] == "-m":
    gc.disable()
