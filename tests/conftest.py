"""What holds for all tests."""

from hypothesis import settings

# A busy machine is slow, not wrong; and CI draws the same examples every time.
settings.register_profile("kakehashi", deadline=None, derandomize=True)
settings.load_profile("kakehashi")
