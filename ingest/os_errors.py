"""What a failure of the operating system says, for a sentence to people."""

from __future__ import annotations

import os
import ssl


def reason(why: BaseException) -> str:
    """Why something failed, in a few words; never empty."""
    if isinstance(why, TimeoutError):
        return "no answer in time"
    if isinstance(why, ssl.SSLError):
        said = (why.reason or str(why)).lower().replace("_", " ")
    elif isinstance(why, OSError) and (why.errno or 0) > 0:  # which asyncio and socket word in their own ways
        said = os.strerror(why.errno or 0)
    else:  # gzip, asyncio and others raise an OSError with nothing but a text
        said = (why.strerror if isinstance(why, OSError) else None) or str(why)
    return " ".join(said.split()).rstrip(".") or type(why).__name__
