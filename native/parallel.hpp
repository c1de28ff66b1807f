// Work in several threads, and what the kernels say of volumes. Knows nothing of Python.
#pragma once

#include <algorithm>
#include <cstdint>
#include <exception>
#include <thread>
#include <vector>

namespace crucible {

// Lengths along the axes of a volume in C order: voxel (i, j, k) lies at (i * y + j) * z + k.
struct Shape {
  int64_t x, y, z;
  int64_t count() const { return x * y * z; }
};

// Calls act(first, last) for as many parts of 0..count as there are threads, one part in each, and rethrows what one threw.
template <class Act>
void in_parallel(int64_t threads, int64_t count, const Act& act) {
  threads = std::clamp<int64_t>(threads, 1, std::max<int64_t>(count, 1));
  if (count <= 0) return;
  std::vector<std::exception_ptr> thrown(threads);
  const auto part = [&](int64_t thread) {
    try {
      act(count * thread / threads, count * (thread + 1) / threads);
    } catch (...) {
      thrown[thread] = std::current_exception();
    }
  };
  std::vector<std::thread> others;
  for (int64_t thread = 1; thread < threads; ++thread) others.emplace_back(part, thread);
  part(0);
  for (auto& other : others) other.join();
  for (const auto& error : thrown)
    if (error) std::rethrow_exception(error);
}

}  // namespace crucible
