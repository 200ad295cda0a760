"""Networks in ncnn's two files: a text that describes the graph, and the numbers of its layers."""
