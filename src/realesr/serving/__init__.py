"""The service: `realesr serve`."""
