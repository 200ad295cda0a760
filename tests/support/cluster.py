"""What workers of a cluster load in tests; here, because they can import ``support`` alone."""

from realesr.engine.interpolation import Interpolator


def load_filter(locate, options):
    return Interpolator(options.model_name)
