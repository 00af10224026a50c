"""The sandbox for machines that can't confine a process: CPython in WebAssembly."""
