// The exact Euclidean distance transform. Knows nothing of Python.
#pragma once

#include <cmath>
#include <limits>

#include "parallel.hpp"

namespace crucible {

namespace detail {

// P. Felzenszwalb and D. Huttenlocher, "Distance Transforms of Sampled Functions", 2012: the lower envelope of parabolas.
struct Envelope {
  std::vector<double> value, border;
  std::vector<int64_t> peak;

  void transform(float* line, int64_t length, int64_t stride, double spacing) {
    value.resize(length);
    border.resize(length + 1);
    peak.resize(length);
    constexpr double infinity = std::numeric_limits<double>::infinity();
    const double square = spacing * spacing;
    int64_t top = -1;
    for (int64_t q = 0; q < length; ++q) {
      value[q] = line[q * stride];
      if (value[q] == infinity) continue;
      double crossing = -infinity;
      while (top >= 0) {
        const int64_t p = peak[top];
        crossing = ((value[q] - value[p]) / square + double(q * q - p * p)) / (2.0 * double(q - p));
        if (crossing > border[top]) break;
        --top;
        crossing = -infinity;
      }
      peak[++top] = q;
      border[top] = crossing;
    }
    if (top < 0) return;
    for (int64_t q = 0, part = 0; q < length; ++q) {
      while (part < top && border[part + 1] < double(q)) ++part;
      const double away = double(q - peak[part]);
      line[q * stride] = float(away * away * square + value[peak[part]]);
    }
  }
};

}  // namespace detail

// Fills `out` with each voxel's distance to the nearest voxel that is zero, by the spacing of the voxels; infinity where none is.
// Squares are kept as float32 on the way: exact up to 16,777,216 for whole spacings.
inline void distance_transform(const float* in, float* out, Shape shape, const double (&spacing)[3], int64_t threads) {
  const int64_t nz = shape.z, sx = shape.y * nz;
  in_parallel(threads, shape.x, [&](int64_t first, int64_t last) {
    detail::Envelope envelope;
    for (int64_t i = first * sx; i < last * sx; ++i) out[i] = in[i] == 0 ? 0.0f : std::numeric_limits<float>::infinity();
    for (int64_t x = first; x < last; ++x) {
      for (int64_t y = 0; y < shape.y; ++y) envelope.transform(out + x * sx + y * nz, nz, 1, spacing[2]);
      for (int64_t z = 0; z < nz; ++z) envelope.transform(out + x * sx + z, shape.y, nz, spacing[1]);
    }
  });
  in_parallel(threads, sx, [&](int64_t first, int64_t last) {
    detail::Envelope envelope;
    for (int64_t i = first; i < last; ++i) envelope.transform(out + i, shape.x, sx, spacing[0]);
  });
  in_parallel(threads, shape.count(), [&](int64_t first, int64_t last) {
    for (int64_t i = first; i < last; ++i) out[i] = std::sqrt(out[i]);
  });
}

}  // namespace crucible
