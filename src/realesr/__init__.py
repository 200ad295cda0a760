"""Makes pictures and videos larger and sharper with the Real-ESRGAN family of networks."""

__version__ = "0.1.0.dev0"
