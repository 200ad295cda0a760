"""The service: pictures and clips over HTTP."""
