"""Networks in the HDF5 files of Keras 2, without TensorFlow."""
