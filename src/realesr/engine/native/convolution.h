// A 3x3 convolution, stride 1, zero padding 1, in float32, by Winograd's F(4x4, 3x3):
// Lavin and Gray, "Fast Algorithms for Convolutional Neural Networks", 2015 (arXiv 1509.09308).
// It needs a quarter of the multiplications of a direct convolution.
#pragma once

#include <cstddef>

#include "strides.h"

// Output tiles are 4x4 px and are computed from 6x6 px, which become 36 transformed values.
constexpr int TILE = 4;
constexpr int PATCH = TILE + 2;
constexpr int POINTS = PATCH * PATCH;

// Added at the end, times `gain`, and of the output's shape; null for nothing.
struct Residual {
    const float* values;
    Strides strides;
    float gain;
};

// Mirrored by `_Convolution` in bindings.py, field by field.
struct Convolution {
    int images, height, width;    // of the output
    int channels_in, channels_out;  // multiples of 16
    int upsample_input;  // 1: the input has half of the sides and is upsampled by nearest neighbor
    const float* input;
    Strides input_strides;
    const float* weights;  // (POINTS, channels_in, channels_out), transformed
    const float* bias;     // (channels_out)
    const float* slopes;   // (channels_out): PReLU; null for none
    Residual residuals[2];
    float* output;  // may not overlap the input's channels; may be a residual
    Strides output_strides;
};

inline int tiles_across(const Convolution& c) { return (c.width + TILE - 1) / TILE; }
inline int tiles_down(const Convolution& c) { return (c.height + TILE - 1) / TILE; }

// Tiles that are computed together: as many as fill the registers, and so few that their transformed
// values fit into the L2 cache together with the weights and the prefetched input of the next block.
constexpr int BLOCK = 12;

// How far apart the values of two points lie. A tile's 36 values are written together: without the
// line between the points, they would fall into a few sets of the L1 cache and drive each other out.
constexpr int LINE_FLOATS = 16;
inline std::ptrdiff_t point_floats(int channels) {
    return std::ptrdiff_t(BLOCK) * channels + LINE_FLOATS;
}

// Temporary values of a block: transformed input, transformed output, one patch.
inline std::size_t workspace_floats(const Convolution& c) {
    return POINTS * (point_floats(c.channels_in) + point_floats(c.channels_out) + c.channels_in);
}

// Tiles, counted from left to right, then down, then from image to image.
struct Range {
    std::ptrdiff_t first, end;
};

// Computes at most BLOCK tiles, and meanwhile fetches the input of those that follow. One for each
// instruction set, from the same source.
using Block = void(const Convolution&, Range tiles, Range following, float* workspace);
Block convolve_block_avx2;
Block convolve_block_avx512;
