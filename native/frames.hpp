// Frames and slices: what moved between two images, and a stack of images as a volume. Knows nothing of Python.
#pragma once

#include <cmath>

#include "parallel.hpp"

namespace crucible {

// Fills `out` with |current - before| where that is above `threshold`, else with 0. With a `background` the difference is to it,
// and it then moves towards the current image by `rate`. A pixel that is not finite did not move and teaches nothing.
template <class Pixel>
void motion_mask(const Pixel* before, const Pixel* current, float* out, float* background, int64_t count, float threshold,
                 float rate, int64_t threads) {
  in_parallel(threads, count, [&](int64_t first, int64_t last) {
    if (background == nullptr) {
#pragma GCC ivdep
      for (int64_t i = first; i < last; ++i) {
        const float difference = std::abs(float(current[i]) - float(before[i]));
        out[i] = difference > threshold && difference <= 3.402823466e38f ? difference : 0.0f;
      }
      return;
    }
#pragma GCC ivdep
    for (int64_t i = first; i < last; ++i) {
      const float moved = float(current[i]) - background[i], difference = std::abs(moved);
      const bool finite = difference <= 3.402823466e38f;
      out[i] = difference > threshold && finite ? difference : 0.0f;
      background[i] += finite ? rate * moved : 0.0f;
    }
  });
}

// Fills `out` (depth planes) with a stack of `slices` images, each value times `scale` plus `offset`. Planes between two images are
// mixed of both; the first and the last plane are the first and the last image.
template <class Pixel>
void stack_images(const Pixel* images, int64_t slices, float* out, int64_t depth, int64_t pixels, float scale, float offset,
                  int64_t threads) {
  in_parallel(threads, depth, [&](int64_t first, int64_t last) {
    for (int64_t plane = first; plane < last; ++plane) {
      const double at = depth > 1 ? double(plane) * double(slices - 1) / double(depth - 1) : 0.0;
      const int64_t slice = std::min(int64_t(at), slices - 1);
      const float part = float(at - double(slice));
      const Pixel* here = images + slice * pixels;
      float* __restrict into = out + plane * pixels;
      if (part == 0) {
        for (int64_t i = 0; i < pixels; ++i) into[i] = float(here[i]) * scale + offset;
        continue;
      }
      const Pixel* next = here + pixels;
      for (int64_t i = 0; i < pixels; ++i) into[i] = (float(here[i]) * (1 - part) + float(next[i]) * part) * scale + offset;
    }
  });
}

}  // namespace crucible
