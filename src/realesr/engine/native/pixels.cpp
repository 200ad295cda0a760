// From pixels to a network's first features, and from its last ones to pixels.
#include <algorithm>
#include <atomic>
#include <cstdint>
#include <cstring>

#include "library.h"
#include "strides.h"

namespace {

constexpr int COLORS = 3;
enum Kind { FLOAT32, UINT8, UINT16 };

// Mirrored by `_PixelReading` in bindings.py, field by field.
struct PixelReading {
    int images, height, width;  // of the features
    int factor;                   // a feature holds factor x factor px
    int channels;                 // of the features; those that nothing is left for become 0
    int kind;                     // of the pixels
    const void* pixels;
    Strides pixel_strides;
    float* features;  // (images, height, width, channels): by color, then row, then column
};

// Mirrored by `_PixelWriting` in bindings.py, field by field.
struct PixelWriting {
    int images, height, width;  // of the features
    int factor;                   // a feature becomes factor x factor px
    int kind;                     // of the pixels
    const float* features;        // by row, then column, then color
    Strides feature_strides;
    const float* base;  // a color for each feature, which is added to all of its px; null for none
    Strides base_strides;
    void* pixels;
    Strides pixel_strides;
};

// Gives every row of every image to one of the threads.
template <typename Task, typename Row>
void for_each_row(const Task& task, int threads, const Row& row) {
    const std::ptrdiff_t rows = std::ptrdiff_t(task.images) * task.height;
    std::atomic<std::ptrdiff_t> next{0};
    run_in_threads(std::min<std::ptrdiff_t>(threads, rows), [&] {
        for (std::ptrdiff_t i = next++; i < rows; i = next++)
            row(int(i / task.height), int(i % task.height));
    });
}

template <typename Value>
void read_row(const PixelReading& task, float peak, int image, int y) {
    const auto* const pixels = static_cast<const Value*>(task.pixels);
    const int factor = task.factor, used = COLORS * factor * factor;
    float* to = task.features +
                (std::ptrdiff_t(image) * task.height + y) * task.width * task.channels;
    for (int x = 0; x < task.width; ++x, to += task.channels) {
        for (int row = 0; row < factor; ++row)
            for (int column = 0; column < factor; ++column) {
                const Value* const from = at(pixels, task.pixel_strides, image,
                                             y * factor + row, x * factor + column);
                for (int color = 0; color < COLORS; ++color)
                    to[(color * factor + row) * factor + column] = float(from[color]) / peak;
            }
        std::memset(to + used, 0, (task.channels - used) * sizeof(float));
    }
}

// Ties go to the even neighbor. `value` is at least 0 and far below 2^23.
inline float rounded(float value) {
    constexpr float whole = 12582912.f;  // 1.5 * 2^23, from where on floats are whole numbers
    return (value + whole) - whole;
}

inline void put(float value, float, float* to) { *to = value; }

template <typename Integer>
inline void put(float value, float peak, Integer* to) {
    value *= peak;
    value = value > 0.f ? value : 0.f;
    value = value < peak ? value : peak;
    *to = Integer(int(rounded(value)));
}

// Returns whether any value is infinite or not a number.
template <typename Value>
inline __attribute__((always_inline)) bool write_row(const PixelWriting& task, const int factor,
                                                     float peak, int image, int y) {
    constexpr std::uint32_t exponent = 0x7f800000;
    auto* const pixels = static_cast<Value*>(task.pixels);
    const int length = COLORS * factor;
    std::uint32_t spoiled = 0;
    for (int x = 0; x < task.width; ++x) {
        const float* from = at(task.features, task.feature_strides, image, y, x);
        const float* const base =
            task.base ? at(task.base, task.base_strides, image, y, x) : nullptr;
        for (int row = 0; row < factor; ++row, from += length) {
            Value* const to =
                at(pixels, task.pixel_strides, image, y * factor + row, x * factor);
            for (int i = 0; i < length; ++i) {
                const float value = from[i] + (base ? base[i % COLORS] : 0.f);
                std::uint32_t bits;
                std::memcpy(&bits, &value, sizeof bits);
                spoiled |= (bits & exponent) == exponent;
                put(value, peak, to + i);
            }
        }
    }
    return spoiled != 0;
}

template <typename Value>
bool write(const PixelWriting& task, int threads, float peak) {
    std::atomic<bool> spoiled{false};
    for_each_row(task, threads, [&](int image, int y) {
        // Known lengths let the compiler use whole registers.
        const bool is_spoiled = task.factor == 4   ? write_row<Value>(task, 4, peak, image, y)
                                : task.factor == 1 ? write_row<Value>(task, 1, peak, image, y)
                                : write_row<Value>(task, task.factor, peak, image, y);
        if (is_spoiled) spoiled = true;
    });
    return spoiled;
}

}  // namespace

EXPORT void realesr_read_pixels(const PixelReading* task, int threads) {
    for_each_row(*task, threads, [&](int image, int y) {
        if (task->kind == UINT8)
            read_row<std::uint8_t>(*task, UINT8_MAX, image, y);
        else
            read_row<std::uint16_t>(*task, UINT16_MAX, image, y);
    });
}

// Returns 1 if a value is infinite or not a number; what was written is of no use then.
EXPORT int realesr_write_pixels(const PixelWriting* task, int threads) {
    switch (task->kind) {
        case UINT8: return write<std::uint8_t>(*task, threads, UINT8_MAX);
        case UINT16: return write<std::uint16_t>(*task, threads, UINT16_MAX);
        default: return write<float>(*task, threads, 1.f);
    }
}
