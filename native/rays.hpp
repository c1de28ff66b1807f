// Adds values to all voxels that rays cross. Knows pointers and shapes and nothing of Python.
//
// J. Amanatides and A. Woo, "A Fast Voxel Traversal Algorithm for Ray Tracing", 1987, with two changes. Where a ray
// crosses a plane is always computed from the plane, (plane - origin) / direction, never by adding up steps. So the voxel
// at a place on a ray follows from that place alone: a grid may be cut into slabs, each walked by its own thread, and every
// voxel gets the same values in the same order for any number of slabs. And a ray that comes in through the face at the
// far end of an axis starts in that axis's last voxel, not in the one beyond it.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <thread>
#include <vector>

namespace crucible {

enum class Weight { length, one };

struct Rays {
  const double* origins;     // (count, 3), or (3,) for all rays
  const double* directions;  // (count, 3), of any length but zero
  const float* values;       // (count,)
  int64_t count;
  bool one_origin;
};

// Voxel (i, j, k) fills i..i+1, j..j+1, k..k+1 and lies at (i * shape[1] + j) * shape[2] + k.
struct Grid {
  float* values;
  int64_t shape[3];
};

namespace detail {

constexpr double infinity = std::numeric_limits<double>::infinity();

// A ray along one axis, between the planes `low` and `high`.
struct Axis {
  double origin, inverse;
  int64_t low, high;
  bool up;
  bool fixed;  // the ray stays in one layer; also where 1 / direction overflows

  Axis(double origin, double direction, int64_t low, int64_t high)
      : origin(origin),
        inverse(1.0 / direction),
        low(low),
        high(high),
        up(direction > 0),
        fixed(!(std::abs(inverse) < infinity)) {}

  double at(int64_t plane) const { return (double(plane) - origin) * inverse; }

  // Where the ray comes in and goes out; an empty range where it never does.
  void clip(double& in, double& out) const {
    if (fixed) {
      if (!(origin >= double(low) && origin < double(high))) out = -infinity;
      return;
    }
    in = std::max(in, at(up ? low : high));
    out = std::min(out, at(up ? high : low));
  }

  // The layer the ray is in just after t: it has crossed every plane that lies at t or before.
  int64_t layer(double t, double direction) const {
    const double place = std::floor(origin + (fixed ? 0.0 : t * direction));
    int64_t layer = int64_t(std::clamp(place, double(low), double(high - 1)));
    if (fixed) return layer;
    if (up) {
      while (layer > low && at(layer) > t) --layer;
      while (layer < high - 1 && at(layer + 1) <= t) ++layer;
    } else {
      while (layer < high - 1 && at(layer + 1) > t) ++layer;
      while (layer > low && at(layer) <= t) --layer;
    }
    return layer;
  }
};

// The next plane of one axis while a ray is walked.
struct Walk {
  double origin, inverse, plane, step, next;
  int64_t stride;

  Walk(const Axis& axis, int64_t layer, int64_t stride)
      : origin(axis.origin),
        inverse(axis.inverse),
        plane(double(axis.up ? layer + 1 : layer)),
        step(axis.up ? 1.0 : -1.0),
        next(axis.fixed ? infinity : axis.at(axis.up ? layer + 1 : layer)),
        stride(axis.up ? stride : -stride) {}

  int64_t advance() {
    plane += step;
    next = (plane - origin) * inverse;
    return stride;
  }
};

template <Weight weight>
int64_t walk_slab(const Grid& grid, const Rays& rays, int64_t first, int64_t last) {
  int64_t steps = 0;
  const int64_t sy = grid.shape[2], sx = grid.shape[1] * sy;
  for (int64_t ray = 0; ray < rays.count; ++ray) {
    const double* o = rays.origins + (rays.one_origin ? 0 : 3 * ray);
    const double* d = rays.directions + 3 * ray;
    const double length = std::sqrt(d[0] * d[0] + d[1] * d[1] + d[2] * d[2]);
    if (!(length > 0 && length < infinity && std::isfinite(o[0] + o[1] + o[2]))) continue;

    const Axis ax(o[0], d[0], first, last), ay(o[1], d[1], 0, grid.shape[1]), az(o[2], d[2], 0, grid.shape[2]);
    double t = 0, out = infinity;
    ax.clip(t, out);
    ay.clip(t, out);
    az.clip(t, out);
    if (!(t < out)) continue;

    const int64_t i = ax.layer(t, d[0]), j = ay.layer(t, d[1]), k = az.layer(t, d[2]);
    Walk x(ax, i, sx), y(ay, j, sy), z(az, k, 1);
    float* voxel = grid.values + i * sx + j * sy + k;
    const float value = rays.values[ray];
    const float scaled = value * float(length);
    while (true) {
      const double next = std::min(x.next, std::min(y.next, z.next));
      *voxel += weight == Weight::length ? scaled * float(next - t) : value;
      ++steps;
      if (next >= out) break;
      t = next;
      // On an edge or a corner several planes are crossed at once: voxels that are only touched get nothing.
      int64_t offset = 0;
      if (x.next == next) offset += x.advance();
      if (y.next == next) offset += y.advance();
      if (z.next == next) offset += z.advance();
      voxel += offset;
    }
  }
  return steps;
}

}  // namespace detail

// Adds each ray's value, times its length in the voxel or times one, to every voxel it crosses from its origin onwards.
// Rays with no direction, and rays that are not finite, are left out. The result is the same to the last bit for any number of threads.
// Returns the number of voxels visited.
inline int64_t add_rays(const Grid& grid, const Rays& rays, Weight weight, int64_t threads) {
  threads = std::clamp<int64_t>(threads, 1, std::max<int64_t>(grid.shape[0], 1));
  std::vector<int64_t> steps(threads);
  const auto slab = [&](int64_t thread) {
    const int64_t first = grid.shape[0] * thread / threads, last = grid.shape[0] * (thread + 1) / threads;
    steps[thread] = weight == Weight::length ? detail::walk_slab<Weight::length>(grid, rays, first, last)
                                             : detail::walk_slab<Weight::one>(grid, rays, first, last);
  };
  std::vector<std::thread> others;
  for (int64_t thread = 1; thread < threads; ++thread) others.emplace_back(slab, thread);
  slab(0);
  for (auto& other : others) other.join();
  int64_t all = 0;
  for (const int64_t count : steps) all += count;
  return all;
}

}  // namespace crucible
