"""Bulk tagging: a large corpus in, one output per input out."""
