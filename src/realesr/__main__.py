"""``python -m realesr`` is the ``realesr`` command."""

import sys

from realesr.cli.start import main

if __name__ == "__main__":  # worker processes import this module, too
    sys.exit(main())
