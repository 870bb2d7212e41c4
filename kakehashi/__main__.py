"""The program as a process: ``kakehashi``, or ``python -m kakehashi``, e.g. for torchrun."""

from __future__ import annotations

import os


def main() -> None:
    """Run the program; Ctrl-C ends it quietly even while it is still being loaded."""
    # The products of numpy, which a busy machine does no faster on more threads; torch has its own.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    try:
        from kakehashi.cli.main import main as run

        run()
    except KeyboardInterrupt:
        raise SystemExit(130) from None


if __name__ == "__main__":
    main()
