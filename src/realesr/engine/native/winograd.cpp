// What Python calls, through ctypes.
#include "winograd.h"

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <new>
#include <system_error>
#include <thread>
#include <vector>

namespace {

Block* block_of(int lanes) { return lanes == 16 ? convolve_block_avx512 : convolve_block_avx2; }

}  // namespace

#define EXPORT extern "C" __attribute__((visibility("default")))

// Changes with whatever Python passes: a library that was left from another version is not called.
EXPORT int realesr_winograd_version() { return WINOGRAD_VERSION; }

// How many floats this machine computes at a time: 16 (AVX-512), 8 (AVX2 with FMA), or 0 where
// neither is there and nothing may be called.
EXPORT int realesr_winograd_lanes() {
    if (__builtin_cpu_supports("avx512f")) return 16;
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") ? 8 : 0;
}

// Returns 0, or 1 if memory ran out. `lanes` is 16 or 8, and at most what this machine has.
EXPORT int realesr_winograd_convolve(const Convolution* convolution, int threads, int lanes) {
    const Convolution& c = *convolution;
    Block* const block = block_of(lanes);
    const std::ptrdiff_t tiles = std::ptrdiff_t(c.pictures) * tiles_down(c) * tiles_across(c);
    std::atomic<std::ptrdiff_t> next{0};
    std::atomic<bool> failed{false};

    const auto take_block = [&] {
        const std::ptrdiff_t first = std::min(next.fetch_add(BLOCK), tiles);
        return Range{first, std::min(first + BLOCK, tiles)};
    };
    const auto work = [&] {
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
    };
    std::vector<std::thread> helpers;
    const std::ptrdiff_t blocks = (tiles + BLOCK - 1) / BLOCK;
    try {
        for (int i = 1; i < threads && i < blocks; ++i) helpers.emplace_back(work);
    } catch (const std::system_error&) {
        // No more threads to be had: those that run do it all.
    } catch (const std::bad_alloc&) {
    }
    work();
    for (std::thread& helper : helpers) helper.join();
    return failed ? 1 : 0;
}
