"""Several workers as one server: they share the logs of their streams and the limits of callers in a Redis.

Loaded only where a log is named; needs the extra ``streamcell[redis]``.
"""
