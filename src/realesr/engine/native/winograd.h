// A 3x3 convolution, stride 1, zero padding 1, in float32, by Winograd's F(4x4, 3x3):
// Lavin and Gray, "Fast Algorithms for Convolutional Neural Networks", 2015 (arXiv 1509.09308).
// Four times fewer multiplications than the direct way.
#pragma once

#include <cstddef>

// Output tiles are 4x4 px and are computed from 6x6 px, which become 36 transformed values.
constexpr int TILE = 4;
constexpr int PATCH = TILE + 2;
constexpr int POINTS = PATCH * PATCH;

// Strides are in floats; that between channels is 1 throughout.
struct Strides {
    std::ptrdiff_t picture, row, pixel;
};

// Mirrored by `Convolution` in winograd.py, field by field.
struct Convolution {
    int pictures, height, width;
    int channels_in, channels_out;  // multiples of 16
    const float* input;
    Strides input_strides;
    const float* weights;   // (POINTS, channels_in, channels_out), transformed
    const float* bias;      // (channels_out)
    const float* slopes;    // (channels_out): PReLU; null for none
    const float* residual;  // added at the end, of the output's shape; null for none
    Strides residual_strides;
    float* output;  // may not overlap the input's channels
    Strides output_strides;
};

inline int tiles_across(const Convolution& c) { return (c.width + TILE - 1) / TILE; }
inline int tiles_down(const Convolution& c) { return (c.height + TILE - 1) / TILE; }

// Tiles that are computed together, for which the transformed values stay in the L2 cache.
inline int block_tiles(const Convolution& c) {
    constexpr int block_bytes = 512 * 1024;
    const int tiles = block_bytes / int(sizeof(float)) / POINTS / (c.channels_in + c.channels_out);
    return tiles < 12 ? 12 : tiles / 6 * 6;
}

// What a block needs beside input and output: transformed input, transformed output, one patch.
inline std::size_t workspace_floats(const Convolution& c) {
    const std::size_t values = std::size_t(block_tiles(c)) * (c.channels_in + c.channels_out);
    return POINTS * (values + c.channels_in);
}

// Computes tiles `first` to `last` (exclusive), at most block_tiles(). One for each instruction
// set, from the same source.
using Block = void(const Convolution&, std::ptrdiff_t first, std::ptrdiff_t last, float* workspace);
Block convolve_block_avx2;
Block convolve_block_avx512;
