"""``python -m kakehashi``, e.g. for ``torchrun -m``."""

from kakehashi.cli.main import main

if __name__ == "__main__":
    main()
