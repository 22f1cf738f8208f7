"""The reason of an operating system's failure, in words for people."""

from __future__ import annotations

import os
import ssl


def reason(why: BaseException) -> str:
    """Why an operation failed, in a few words; never empty."""
    if isinstance(why, TimeoutError):
        return "no answer in time"
    if isinstance(why, ssl.SSLError):
        text = (why.reason or str(why)).lower().replace("_", " ")
    elif isinstance(why, OSError) and (why.errno or 0) > 0:  # asyncio and socket each have their own words for it
        text = os.strerror(why.errno or 0)
    else:  # gzip, asyncio and others raise an OSError with only a text
        text = (why.strerror if isinstance(why, OSError) else None) or str(why)
    return " ".join(text.split()).rstrip(".") or type(why).__name__
