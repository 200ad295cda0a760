#include "convolution.h"

#include <algorithm>
#include <atomic>
#include <cstdlib>

#include "library.h"

// Changes with whatever Python passes: a library that was left from another version is not called.
EXPORT int realesr_native_version() { return 2; }

// How many floats this machine computes at a time: 16 (AVX-512), 8 (AVX2 with FMA), or 0 where
// neither is there and nothing may be called.
EXPORT int realesr_native_lanes() {
    if (__builtin_cpu_supports("avx512f")) return 16;
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") ? 8 : 0;
}

// Returns 0, or 1 if memory ran out. `lanes` is 16 or 8, and at most what this machine has.
EXPORT int realesr_convolve(const Convolution* convolution, int threads, int lanes) {
    const Convolution& c = *convolution;
    Block* const block = lanes == 16 ? convolve_block_avx512 : convolve_block_avx2;
    const std::ptrdiff_t tiles = std::ptrdiff_t(c.images) * tiles_down(c) * tiles_across(c);
    const std::ptrdiff_t blocks = (tiles + BLOCK - 1) / BLOCK;
    std::atomic<std::ptrdiff_t> next{0};
    std::atomic<bool> failed{false};

    const auto take_block = [&] {
        const std::ptrdiff_t first = std::min(next.fetch_add(BLOCK), tiles);
        return Range{first, std::min(first + BLOCK, tiles)};
    };
    run_in_threads(std::min<std::ptrdiff_t>(threads, blocks), [&] {
        constexpr std::size_t line = 64;
        const std::size_t bytes = workspace_floats(c) * sizeof(float);
        float* workspace =
            static_cast<float*>(std::aligned_alloc(line, (bytes + line - 1) / line * line));
        if (workspace == nullptr) {
            failed = true;
            return;
        }
        for (Range range = take_block(); range.first < range.end;) {
            const Range following = take_block();
            block(c, range, following, workspace);
            range = following;
        }
        std::free(workspace);
    });
    return failed ? 1 : 0;
}
