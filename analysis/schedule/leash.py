"""`python -m analysis.schedule.leash PID COMMAND…`: a command that ends when its starter does.

Becomes the command, having asked the kernel for SIGTERM when the process PID, which started it,
dies in whatever way: a scheduler that is killed leaves nothing running that nobody waits for.
Elsewhere than on Linux there is no such thing; there, the next scheduler ends what it finds.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys
from collections.abc import Sequence

# <linux/prctl.h>; what is asked for outlives exec.
PR_SET_PDEATHSIG = 1


def main(arguments: Sequence[str]) -> None:
    """Become the command."""
    starter, *command = arguments
    if sys.platform == "linux":
        libc = ctypes.CDLL(None, use_errno=True)
        if libc.prctl(PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0) != 0:
            raise OSError(ctypes.get_errno(), "the kernel refuses PR_SET_PDEATHSIG")
        if os.getppid() != int(starter):
            return  # it died before we asked
    os.execv(command[0], command)  # noqa: S606 - there is no shell, and none is wanted


if __name__ == "__main__":
    main(sys.argv[1:])
