"""Task types from the outside: a directory to start from, and what is wrong with one."""
