"""The program as a process: ``kakehashi``, or ``python -m kakehashi``, e.g. for torchrun."""

from __future__ import annotations


def main() -> None:
    """Run the program; Ctrl-C ends it quietly even while it is still being loaded."""
    try:
        from kakehashi.cli.main import main as run

        run()
    except KeyboardInterrupt:
        raise SystemExit(130) from None


if __name__ == "__main__":
    main()
