// Points to voxels. Knows nothing of Python.
#pragma once

#include <cmath>

#include "rays.hpp"

namespace crucible {

// Adds each point's value to the voxel it lies in; with `shared`, to the eight whose centres are around it, by nearness.
// What falls outside, and points that are not finite, add nothing. Threads own layers: the result is the same for any number.
inline void add_points(const Grid& grid, const double* points, const float* values, int64_t count, bool shared, int64_t threads) {
  const int64_t *n = grid.shape, sy = n[2], sx = n[1] * n[2];
  in_parallel(threads, n[0], [&](int64_t first, int64_t last) {
    const auto inside = [&](int64_t i, int64_t j, int64_t k) { return i >= first && i < last && j >= 0 && j < n[1] && k >= 0 && k < n[2]; };
    for (int64_t point = 0; point < count; ++point) {
      const double* p = points + 3 * point;
      const float value = values == nullptr ? 1.0f : values[point];
      const double shift = shared ? 0.5 : 0.0;
      const double x = p[0] - shift, y = p[1] - shift, z = p[2] - shift;
      // Also false for what is not a number; beyond this no voxel is touched.
      if (!(x >= -1 && y >= -1 && z >= -1 && x < double(n[0]) && y < double(n[1]) && z < double(n[2]))) continue;
      if (!std::isfinite(value)) continue;
      const int64_t i = int64_t(std::floor(x)), j = int64_t(std::floor(y)), k = int64_t(std::floor(z));
      if (!shared) {
        if (inside(i, j, k)) grid.values[i * sx + j * sy + k] += value;
        continue;
      }
      const float f[3] = {float(x - double(i)), float(y - double(j)), float(z - double(k))};
      for (int corner = 0; corner < 8; ++corner) {
        const int a = corner >> 2, b = (corner >> 1) & 1, c = corner & 1;
        if (inside(i + a, j + b, k + c))
          grid.values[(i + a) * sx + (j + b) * sy + k + c] += value * (a ? f[0] : 1 - f[0]) * (b ? f[1] : 1 - f[1]) * (c ? f[2] : 1 - f[2]);
      }
    }
  });
}

}  // namespace crucible
