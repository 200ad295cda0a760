"""Networks in ONNX files, computed by onnxruntime or OpenVINO."""
