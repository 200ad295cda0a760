"""Networks in float32 on x86-64 CPUs without PyTorch, which takes seconds to import.

The C++ library is compiled when the package is installed. Without a compiler,
:func:`realesr.engine.native.bindings.lanes` returns 0, and PyTorch computes everything.
"""
