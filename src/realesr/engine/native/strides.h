#pragma once

#include <cstddef>

// How far apart things lie, in values; neighbouring channels lie side by side throughout.
struct Strides {
    std::ptrdiff_t picture, row, pixel;
};

template <typename Pointer>
inline __attribute__((always_inline)) Pointer at(Pointer pointer, const Strides& strides,
                                                 int picture, int y, int x) {
    return pointer + picture * strides.picture + y * strides.row + x * strides.pixel;
}
