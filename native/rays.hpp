// Adds values to all voxels that rays cross. Knows pointers and shapes and nothing of Python.
//
// J. Amanatides and A. Woo, "A Fast Voxel Traversal Algorithm for Ray Tracing", 1987, turned by a quarter: a ray is cut into
// layers along the axis on which it moves fastest. Within a layer it crosses at most one plane of each other axis, so
// at most three voxels, and which these are follows from the number of the layer alone. Layers therefore do not wait for each other:
// sixteen are worked out at once, no two of them write to one voxel, and threads that each own some layers add the same
// values in the same order as one thread does.
#pragma once

#include <cmath>
#include <limits>

#include "parallel.hpp"

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

// Layers that are worked out at once; threads own whole blocks of them.
constexpr int BLOCK = 16;
// A voxel that a ray crosses over less than this is only touched.
constexpr float TOUCHED = 1e-5f;

// How a ray moves on another axis while it moves by one along its main axis.
struct Aside {
  double origin, slope;
  float rise, run, step, above;
  int64_t length;

  Aside(double origin, double slope, int64_t length)
      : origin(origin),
        slope(std::abs(slope) < 1e-12 ? 0.0 : slope),
        rise(float(this->slope)),
        run(this->slope == 0 ? 0.0f : float(1.0 / this->slope)),
        step(slope < 0 ? -1.0f : 1.0f),
        above(slope < 0 ? 0.0f : 1.0f),
        length(length) {}

  double at(double along) const { return origin + along * slope; }

  // Narrows in..out, distances along the main axis from the ray's origin, to where the ray is inside.
  void clip(double& in, double& out) const {
    if (slope == 0) {
      if (!(origin >= 0 && origin < double(length))) out = -std::numeric_limits<double>::infinity();
      return;
    }
    const double low = -origin / slope, high = (double(length) - origin) / slope;
    in = std::max(in, std::min(low, high));
    out = std::min(out, std::max(low, high));
  }
};

// Where a ray is on another axis in one layer: in `from`, after the plane at `cross` in `to`.
struct Passage {
  int from, to;
  float cross;
};

inline Passage passage(const Aside& aside, float base, int base_layer, int last_layer, float a, float b) {
  const float before = base + aside.rise * a, after = base + aside.rise * b;
  int layer = int(before);
  layer -= float(layer) > before ? 1 : 0;
  const float plane = float(layer) + aside.above;
  const bool crosses = (after - plane) * aside.step > 0;
  const float cross = std::min(std::max(a + (plane - before) * aside.run, a), b);
  const int next = crosses ? layer + int(aside.step) : layer;
  return {std::min(std::max(layer + base_layer, 0), last_layer), std::min(std::max(next + base_layer, 0), last_layer),
          crosses ? cross : b};
}

// The layers first..last of `axis`, for one ray whose main axis that is.
template <int axis, Weight weight, bool fades, class Index>
void walk(const Grid& grid, const double* origin, const double* direction, float value, int64_t first, int64_t last,
          double fade) {
  constexpr int p = axis == 0 ? 1 : 0, q = axis == 2 ? 1 : 2;
  const int64_t strides[3] = {grid.shape[1] * grid.shape[2], grid.shape[2], 1};
  const Index along = Index(strides[axis]), sp = Index(strides[p]), sq = axis == 2 ? Index(strides[q]) : Index(1);
  const Aside ap(origin[p], direction[p] / direction[axis], grid.shape[p]);
  const Aside aq(origin[q], direction[q] / direction[axis], grid.shape[q]);

  // Along the main axis, from the ray's origin.
  const double low = -origin[axis], high = double(grid.shape[axis]) - origin[axis];
  double in = direction[axis] > 0 ? std::max(low, 0.0) : low, out = direction[axis] > 0 ? high : std::min(high, 0.0);
  ap.clip(in, out);
  aq.clip(in, out);
  if (!(in < out)) return;
  const double begin = std::clamp(in - low, double(first), double(last)), end = std::clamp(out - low, double(first), double(last));
  if (!(begin < end)) return;

  const double length = std::sqrt(1.0 + ap.slope * ap.slope + aq.slope * aq.slope);
  const float scaled = weight == Weight::length ? value * float(length) : value;
  const float per_fade = fades ? float(length / fade) : 0.0f;
  const int last_p = int(ap.length - 1), last_q = int(aq.length - 1);
  alignas(64) Index at[3][BLOCK];
  alignas(64) float added[3][BLOCK];

  for (int64_t block = int64_t(begin) / BLOCK * BLOCK; double(block) < end; block += BLOCK) {
    const double here = double(block) + low;
    const double place_p = ap.at(here), place_q = aq.at(here);
    const double floor_p = std::floor(place_p), floor_q = std::floor(place_q);
    const float base_p = float(place_p - floor_p), base_q = float(place_q - floor_q);
    const int layer_p = int(floor_p), layer_q = int(floor_q);
    const float from = float(std::max(begin - double(block), 0.0)), to = float(std::min(end - double(block), double(BLOCK)));
    const float away = float(here);
    for (int lane = 0; lane < BLOCK; ++lane) {
      const float a = std::min(std::max(float(lane), from), to), b = std::min(std::max(float(lane + 1), from), to);
      const Passage y = passage(ap, base_p, layer_p, last_p, a, b), z = passage(aq, base_q, layer_q, last_q, a, b);
      const float one = std::min(y.cross, z.cross), two = std::max(y.cross, z.cross);
      const bool y_first = y.cross < z.cross;
      const Index layer = Index(lane) * along;
      at[0][lane] = layer + Index(y.from) * sp + Index(z.from) * sq;
      at[1][lane] = layer + Index(y_first ? y.to : y.from) * sp + Index(y_first ? z.from : z.to) * sq;
      at[2][lane] = layer + Index(y.to) * sp + Index(z.to) * sq;
      const float spans[3] = {one - a, two - one, b - two};
      const float middles[3] = {one + a, two + one, b + two};
      for (int part = 0; part < 3; ++part) {
        const float amount = weight == Weight::length ? spans[part] : (spans[part] > TOUCHED ? 1.0f : 0.0f);
        const float distance = fades ? (away + 0.5f * middles[part]) * per_fade : 0.0f;
        added[part][lane] = scaled * amount / (fades ? 1.0f + distance * distance : 1.0f);
      }
    }
    float* const voxels = grid.values + block * strides[axis];
    const int lane_end = int(std::ceil(to));
    for (int lane = int(from); lane < lane_end; ++lane) {
      voxels[at[0][lane]] += added[0][lane];
      voxels[at[1][lane]] += added[1][lane];
      voxels[at[2][lane]] += added[2][lane];
    }
  }
}

inline int main_axis(const double* d) {
  const double x = std::abs(d[0]), y = std::abs(d[1]), z = std::abs(d[2]);
  return x >= y && x >= z ? 0 : y >= z ? 1 : 2;
}

template <int axis, Weight weight, bool fades, class Index>
void walk_all(const Grid& grid, const Rays& rays, const std::vector<int64_t>& which, double fade, int64_t threads) {
  const int64_t layers = grid.shape[axis];
  in_parallel(threads, which.empty() ? 0 : (layers + BLOCK - 1) / BLOCK, [&](int64_t first, int64_t last) {
    for (const int64_t ray : which)
      walk<axis, weight, fades, Index>(grid, rays.origins + (rays.one_origin ? 0 : 3 * ray), rays.directions + 3 * ray,
                                       rays.values[ray], first * BLOCK, std::min(last * BLOCK, layers), fade);
  });
}

template <Weight weight, bool fades, class Index>
void walk_axes(const Grid& grid, const Rays& rays, const std::vector<int64_t> (&by_axis)[3], double fade, int64_t threads) {
  walk_all<0, weight, fades, Index>(grid, rays, by_axis[0], fade, threads);
  walk_all<1, weight, fades, Index>(grid, rays, by_axis[1], fade, threads);
  walk_all<2, weight, fades, Index>(grid, rays, by_axis[2], fade, threads);
}

template <Weight weight, bool fades>
void walk_grid(const Grid& grid, const Rays& rays, const std::vector<int64_t> (&by_axis)[3], double fade, int64_t threads) {
  // Within a block of layers a place fits 32 bits, unless layers are large.
  const int64_t layer = std::max(grid.shape[1] * grid.shape[2], grid.shape[0] * grid.shape[1] * grid.shape[2] / BLOCK);
  if (layer < std::numeric_limits<int32_t>::max() / (BLOCK + 1))
    walk_axes<weight, fades, int32_t>(grid, rays, by_axis, fade, threads);
  else
    walk_axes<weight, fades, int64_t>(grid, rays, by_axis, fade, threads);
}

}  // namespace detail

// Adds each ray's value to every voxel it crosses from its origin onwards: times its length in the voxel, or times one. With a
// `fade` above 0 also times 1 / (1 + (distance / fade)²), the distance from its origin to the middle of that stretch.
// Rays with no direction, with no value, and rays that are not finite, are left out. The result is the same to the last bit for any
// number of threads.
inline void add_rays(const Grid& grid, const Rays& rays, Weight weight, double fade, int64_t threads) {
  if (grid.shape[0] <= 0 || grid.shape[1] <= 0 || grid.shape[2] <= 0) return;
  std::vector<int64_t> by_axis[3];
  for (int64_t ray = 0; ray < rays.count; ++ray) {
    const double* o = rays.origins + (rays.one_origin ? 0 : 3 * ray);
    const double* d = rays.directions + 3 * ray;
    const double most = std::max({std::abs(d[0]), std::abs(d[1]), std::abs(d[2])});
    const bool finite = std::isfinite(o[0] + o[1] + o[2]) && std::isfinite(d[0] + d[1] + d[2]) && std::isfinite(rays.values[ray]);
    if (finite && most > 0 && rays.values[ray] != 0) by_axis[detail::main_axis(d)].push_back(ray);
  }
  const bool by_length = weight == Weight::length, fades = fade > 0;
  if (by_length && fades) return detail::walk_grid<Weight::length, true>(grid, rays, by_axis, fade, threads);
  if (by_length) return detail::walk_grid<Weight::length, false>(grid, rays, by_axis, fade, threads);
  if (fades) return detail::walk_grid<Weight::one, true>(grid, rays, by_axis, fade, threads);
  detail::walk_grid<Weight::one, false>(grid, rays, by_axis, fade, threads);
}

}  // namespace crucible
