// Compiled once for each instruction set, with LANES, REGISTER_COLUMNS and CONVOLVE_BLOCK defined.
//
// Everything but that one function stays inside this file: a helper that two instruction sets
// shared would be linked once, and might be the one that this machine cannot run.
#include <immintrin.h>

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "convolution.h"

namespace {

// LANES floats, from anywhere in memory.
typedef float Vec __attribute__((vector_size(LANES * 4)));
typedef float Unaligned __attribute__((vector_size(LANES * 4), aligned(4), may_alias));

#define INLINE inline __attribute__((always_inline))
#define UNROLL _Pragma("GCC unroll 16")

INLINE Vec load(const float* from) { return *reinterpret_cast<const Unaligned*>(from); }
INLINE void store(float* to, Vec values) { *reinterpret_cast<Unaligned*>(to) = values; }

// Past the caches: a layer's output is larger than they are, and would be fetched only to be
// overwritten.
INLINE void store_aligned_past_caches(float* to, Vec values) {
#if LANES == 16
    _mm512_stream_ps(to, reinterpret_cast<__m512>(values));
#else
    _mm256_stream_ps(to, reinterpret_cast<__m256>(values));
#endif
}

bool is_aligned(const float* pointer, const Strides& strides) {
    const auto floats = reinterpret_cast<std::uintptr_t>(pointer) / sizeof(float);
    return (floats | strides.image | strides.row | strides.pixel) % LANES == 0;
}

// B^T of F(4, 3) with the points 0, 1, -1, 2, -2 and infinity.
INLINE void transform_input(Vec d0, Vec d1, Vec d2, Vec d3, Vec d4, Vec d5, Vec* out, int step) {
    const Vec even = d4 - 4.f * d2, odd = d3 - 4.f * d1;
    const Vec difference = d4 - d2, twice = 2.f * (d3 - d1);
    out[0 * step] = 4.f * d0 + (d4 - 5.f * d2);
    out[1 * step] = even + odd;
    out[2 * step] = even - odd;
    out[3 * step] = difference + twice;
    out[4 * step] = difference - twice;
    out[5 * step] = 4.f * d1 + (d5 - 5.f * d3);
}

// A^T of the same.
INLINE void transform_output(Vec m0, Vec m1, Vec m2, Vec m3, Vec m4, Vec m5, Vec* out, int step) {
    const Vec sum = m1 + m2, difference = m1 - m2, sum2 = m3 + m4, difference2 = m3 - m4;
    out[0 * step] = m0 + sum + sum2;
    out[1 * step] = difference + 2.f * difference2;
    out[2 * step] = sum + 4.f * sum2;
    out[3 * step] = difference + 8.f * difference2 + m5;
}

// Where the rows of a patch begin, and how far its columns lie from there.
struct Patch {
    const float* rows[PATCH];
    std::ptrdiff_t columns[PATCH];
};

// One patch, LANES channels. `point` is how far apart the transformed values go.
inline void transform_patch(const Patch& patch, int channel, float* out, std::ptrdiff_t point) {
    Vec half[POINTS];
    for (int x = 0; x < PATCH; ++x) {
        const std::ptrdiff_t column = patch.columns[x] + channel;
        transform_input(load(patch.rows[0] + column), load(patch.rows[1] + column),
                        load(patch.rows[2] + column), load(patch.rows[3] + column),
                        load(patch.rows[4] + column), load(patch.rows[5] + column), half + x,
                        PATCH);
    }
    for (int y = 0; y < PATCH; ++y) {
        const Vec* h = half + y * PATCH;
        Vec whole[PATCH];
        transform_input(h[0], h[1], h[2], h[3], h[4], h[5], whole, 1);
        for (int x = 0; x < PATCH; ++x) store(out + (y * PATCH + x) * point, whole[x]);
    }
}

// ROWS tiles times COLUMNS vectors of output channels, all in registers.
template <int ROWS, int COLUMNS>
INLINE void multiply(const float* in, int channels_in, const float* weights, int channels_out,
                     float* out) {
    Vec sums[ROWS][COLUMNS];
    UNROLL for (int i = 0; i < ROWS; ++i)
        UNROLL for (int j = 0; j < COLUMNS; ++j) sums[i][j] = Vec{};
    for (int k = 0; k < channels_in; ++k) {
        Vec w[COLUMNS];
        UNROLL for (int j = 0; j < COLUMNS; ++j) w[j] = load(weights + k * channels_out + j * LANES);
        UNROLL for (int i = 0; i < ROWS; ++i) {
            const float value = in[i * channels_in + k];
            UNROLL for (int j = 0; j < COLUMNS; ++j) sums[i][j] += value * w[j];
        }
    }
    UNROLL for (int i = 0; i < ROWS; ++i)
        UNROLL for (int j = 0; j < COLUMNS; ++j) store(out + i * channels_out + j * LANES, sums[i][j]);
}

// All tiles of one point: (tiles, channels_in) times (channels_in, COLUMNS * LANES).
template <int ROWS, int COLUMNS>
void multiply_all(int tiles, const float* in, int channels_in, const float* weights,
                  int channels_out, float* out) {
    int tile = 0;
    for (; tile + ROWS <= tiles; tile += ROWS)
        multiply<ROWS, COLUMNS>(in + tile * channels_in, channels_in, weights, channels_out,
                                out + tile * channels_out);
    for (; tile < tiles; ++tile)
        multiply<1, COLUMNS>(in + tile * channels_in, channels_in, weights, channels_out,
                             out + tile * channels_out);
}

void multiply_point(int tiles, const float* in, int channels_in, const float* weights,
                    int channels_out, float* out) {
    int channel = 0;
#if REGISTER_COLUMNS == 4  // 32 registers
    for (; channel + 4 * LANES <= channels_out; channel += 4 * LANES)
        multiply_all<6, 4>(tiles, in, channels_in, weights + channel, channels_out, out + channel);
    for (; channel + 3 * LANES == channels_out; channel += 3 * LANES)
        multiply_all<8, 3>(tiles, in, channels_in, weights + channel, channels_out, out + channel);
    for (; channel + 2 * LANES <= channels_out; channel += 2 * LANES)
        multiply_all<12, 2>(tiles, in, channels_in, weights + channel, channels_out, out + channel);
    for (; channel < channels_out; channel += LANES)
        multiply_all<12, 1>(tiles, in, channels_in, weights + channel, channels_out, out + channel);
#else  // 16 registers; channels_out is a multiple of 16, so two columns always fit
    for (; channel < channels_out; channel += 2 * LANES)
        multiply_all<6, 2>(tiles, in, channels_in, weights + channel, channels_out, out + channel);
#endif
}

struct Place {
    int image, y, x;  // of a tile's first output px
};

inline Place place_of(const Convolution& c, std::ptrdiff_t tile) {
    const int across = tiles_across(c), down = tiles_down(c);
    const std::ptrdiff_t row = tile / across;
    return {int(row / down), int(row % down) * TILE, int(tile % across) * TILE};
}

// A px of the input, by where it lies in the output.
INLINE const float* input_at(const Convolution& c, int image, int y, int x) {
    return at(c.input, c.input_strides, image, y >> c.upsample_input, x >> c.upsample_input);
}

// Copies a patch that reaches over the border, with zeros there.
void copy_patch(const Convolution& c, const Place& place, float* patch) {
    const std::size_t bytes = c.channels_in * sizeof(float);
    for (int i = 0; i < POINTS; ++i, patch += c.channels_in) {
        const int y = place.y - 1 + i / PATCH, x = place.x - 1 + i % PATCH;
        if (y < 0 || x < 0 || y >= c.height || x >= c.width)
            std::memset(patch, 0, bytes);
        else
            std::memcpy(patch, input_at(c, place.image, y, x), bytes);
    }
}

// Finds the patch of a tile; one that reaches over the border is copied to `room`.
Patch patch_of(const Convolution& c, const Place& place, float* room) {
    const int top = place.y - 1, left = place.x - 1;
    const bool is_inside =
        top >= 0 && left >= 0 && top + PATCH <= c.height && left + PATCH <= c.width;
    if (!is_inside) copy_patch(c, place, room);
    Patch patch;
    for (int i = 0; i < PATCH; ++i) {
        patch.rows[i] = is_inside ? input_at(c, place.image, top + i, 0)
                                  : room + i * PATCH * c.channels_in;
        patch.columns[i] = is_inside ? ((left + i) >> c.upsample_input) * c.input_strides.pixel
                                     : std::ptrdiff_t(i) * c.channels_in;
    }
    return patch;
}

// Brings closer what a tile does not share with its neighbor to the left, one of `PARTS` parts.
// (Not inlined, it would be left out: to GCC a function that only fetches does nothing.)
constexpr int PARTS = POINTS / BLOCK;
INLINE void fetch_patch(const Convolution& c, const Place& place, int part) {
    constexpr int line = 16, rows = PATCH / PARTS;
    const int top = place.y - 1 + part * rows;
    for (int y = top < 0 ? 0 : top; y < top + rows && y < c.height; ++y)
        for (int x = place.x + 1; x <= place.x + TILE && x < c.width; ++x) {
            const float* pixel = input_at(c, place.image, y, x);
            for (int i = 0; i < c.channels_in; i += line) __builtin_prefetch(pixel + i, 0, 2);
        }
}

// One tile, a cache line of output channels from `channel` on: bias, activation and residual
// included. Its lines are written whole: half of one, past the caches, costs as much as all of it.
inline void finish_tile(const Convolution& c, const Place& place, int channel, const float* in,
                        std::ptrdiff_t point, bool is_output_aligned) {
    constexpr int PIECES = LINE_FLOATS / LANES;
    Vec values[PIECES][TILE * TILE], bias[PIECES], slope[PIECES];
    for (int piece = 0; piece < PIECES; ++piece) {
        Vec half[TILE * PATCH];
        for (int x = 0; x < PATCH; ++x) {
            const float* p = in + piece * LANES + x * point;
            const std::ptrdiff_t row = PATCH * point;
            transform_output(load(p), load(p + row), load(p + 2 * row), load(p + 3 * row),
                             load(p + 4 * row), load(p + 5 * row), half + x, PATCH);
        }
        for (int y = 0; y < TILE; ++y) {
            const Vec* h = half + y * PATCH;
            transform_output(h[0], h[1], h[2], h[3], h[4], h[5], values[piece] + y * TILE, 1);
        }
        bias[piece] = load(c.bias + channel + piece * LANES);
        slope[piece] = c.slopes ? load(c.slopes + channel + piece * LANES) : Vec{};
    }
    const int rows = c.height - place.y < TILE ? c.height - place.y : TILE;
    const int columns = c.width - place.x < TILE ? c.width - place.x : TILE;
    for (int y = 0; y < rows; ++y)
        for (int x = 0; x < columns; ++x) {
            const int image = place.image, row = place.y + y, column = place.x + x;
            float* const to = at(c.output, c.output_strides, image, row, column) + channel;
            UNROLL for (int piece = 0; piece < PIECES; ++piece) {
                Vec value = values[piece][y * TILE + x] + bias[piece];
                if (c.slopes) value = value > 0.f ? value : value * slope[piece];
                for (const Residual& residual : c.residuals)
                    if (residual.values)
                        value += residual.gain *
                                 load(at(residual.values, residual.strides, image, row, column) +
                                      channel + piece * LANES);
                if (is_output_aligned)
                    store_aligned_past_caches(to + piece * LANES, value);
                else
                    store(to + piece * LANES, value);
            }
        }
}

}  // namespace

void CONVOLVE_BLOCK(const Convolution& c, Range range, Range following, float* workspace) {
    const int tiles = int(range.end - range.first);
    const std::ptrdiff_t point_in = point_floats(c.channels_in);
    const std::ptrdiff_t point_out = point_floats(c.channels_out);
    float* const transformed = workspace;
    float* const products = transformed + POINTS * point_in;
    float* const border_patch = products + POINTS * point_out;

    for (int tile = 0; tile < tiles; ++tile) {
        const Patch patch = patch_of(c, place_of(c, range.first + tile), border_patch);
        float* const out = transformed + tile * c.channels_in;
        for (int channel = 0; channel < c.channels_in; channel += LANES)
            transform_patch(patch, channel, out + channel, point_in);
    }
    for (int point = 0; point < POINTS; ++point) {
        const std::ptrdiff_t next = following.first + point / PARTS;
        if (next < following.end) fetch_patch(c, place_of(c, next), point % PARTS);
        const float* weights = c.weights + std::ptrdiff_t(point) * c.channels_in * c.channels_out;
        multiply_point(tiles, transformed + point * point_in, c.channels_in, weights,
                       c.channels_out, products + point * point_out);
    }
    const bool is_output_aligned = is_aligned(c.output, c.output_strides);
    for (int tile = 0; tile < tiles; ++tile) {
        const Place place = place_of(c, range.first + tile);
        const float* const in = products + tile * c.channels_out;
        for (int channel = 0; channel < c.channels_out; channel += LINE_FLOATS)
            finish_tile(c, place, channel, in + channel, point_out, is_output_aligned);
    }
    _mm_sfence();  // other threads may read now
}
