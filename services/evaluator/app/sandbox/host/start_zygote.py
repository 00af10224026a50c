"""Starts the zygote: `python -I -S -B start_zygote.py DESCRIPTOR OPTIONS`, the options in JSON.

A file of its own, since the zygote runs without site-packages and without this project's packages:
it gets to see the sandbox's folder alone, and only while it starts.
"""

import importlib
import json
import os
import sys

FOLDER = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))

if __name__ == "__main__":
    sys.path.insert(0, FOLDER)
    zygote = importlib.import_module("jail.zygote")
    sys.path.remove(FOLDER)
    options = json.loads(sys.argv[2])
    without = frozenset(options.pop("without"))
    zygote.main(int(sys.argv[1]), without, **options)
