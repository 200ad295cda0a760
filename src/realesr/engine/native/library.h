// What Python calls, through ctypes.
#pragma once

#include <system_error>
#include <new>
#include <thread>
#include <vector>

#define EXPORT extern "C" __attribute__((visibility("default")))

// Runs the same work in several threads, this one among them; in fewer where no more can be had.
template <typename Work>
void run_in_threads(std::ptrdiff_t threads, const Work& work) {
    std::vector<std::thread> helpers;
    try {
        for (std::ptrdiff_t i = 1; i < threads; ++i) helpers.emplace_back(work);
    } catch (const std::system_error&) {
    } catch (const std::bad_alloc&) {
    }
    work();
    for (std::thread& helper : helpers) helper.join();
}
