"""What holds for all tests."""

from hypothesis import settings

# A busy machine is slow, not wrong; and CI draws the same examples every time.
settings.register_profile("kakehashi", deadline=None, derandomize=True)
settings.load_profile("kakehashi")


def pytest_make_parametrize_id(val, argname):
    """Name a test after a parameter's position where its value is bytes.

    Packed bytes hold the time of day, and workers that disagree about the names refuse to start.
    """
    return argname if isinstance(val, bytes) else None
