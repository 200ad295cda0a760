#pragma once

#include <cstddef>

// How far apart things lie, in values; neighboring channels lie side by side throughout.
struct Strides {
    std::ptrdiff_t image, row, pixel;
};

template <typename Pointer>
inline __attribute__((always_inline)) Pointer at(Pointer pointer, const Strides& strides,
                                                 int image, int y, int x) {
    return pointer + image * strides.image + y * strides.row + x * strides.pixel;
}
