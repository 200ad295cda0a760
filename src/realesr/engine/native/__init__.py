"""Networks in float32 on x86-64 CPUs without PyTorch, which takes seconds to import.

The compiled part is made when the package is installed; where there was no compiler,
:func:`realesr.engine.native.bindings.lanes` is 0, and PyTorch does it all.
"""
