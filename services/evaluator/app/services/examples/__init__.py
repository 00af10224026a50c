"""Finds the examples that a request shows, in English and Korean; see `finding.find_examples`."""
