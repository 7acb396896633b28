"""What every driver of the containers port must do, as checks that pytest collects.

A driver's test module gives the fixture `bench` (a `Bench`) and imports these functions. They need the image that
`tools/test_image.py` makes, and two cores.
"""

from .bench import Bench, Server
from .bounds import *  # noqa: F403
from .care import *  # noqa: F403
from .gifts import *  # noqa: F403
from .lives import *  # noqa: F403

__all__ = ["Bench", "Server"]
__all__ += [name for name in dir() if name.startswith("test_")]
