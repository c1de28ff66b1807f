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
#include "stores.hpp"

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

// Voxels first..last of another axis in each layer of a block, and how far apart they lie in memory.
template <class Index>
struct Side {
  alignas(64) int first[BLOCK];
  alignas(64) int last[BLOCK];
  Index stride;
};

inline Passage passage(const Aside& aside, float base, int base_layer, int first, int last, float a, float b) {
  const float before = base + aside.rise * a, after = base + aside.rise * b;
  int layer = int(before);
  layer -= float(layer) > before ? 1 : 0;
  const float plane = float(layer) + aside.above;
  const bool crosses = (after - plane) * aside.step > 0;
  const float cross = std::min(std::max(a + (plane - before) * aside.run, a), b);
  const int next = crosses ? layer + int(aside.step) : layer;
  return {std::min(std::max(layer + base_layer, first), last) - first, std::min(std::max(next + base_layer, first), last) - first,
          crosses ? cross : b};
}

// A ray that crosses layers begin..end of its main axis, by its places on the other two.
struct Path {
  Aside p, q;
  double low;  // of layer 0, along the main axis from the ray's origin
  double begin, end;
  float scaled, per_fade;
};

// A block of layers of the grid, or of a small grid of its own, whose first voxel is at `values`.
template <class Index>
struct Patch {
  float* values;
  Index along;
  Side<Index> p, q;
};

// Adds to the voxels at three places of each lane first..last. No two lanes write to one voxel; the places of one lane may be the same.
template <class Index>
void add_lanes(float* voxels, const Index (&at)[3][BLOCK], const float (&added)[3][BLOCK], int first, int last) {
  for (int lane = first; lane < last; ++lane) {
    voxels[at[0][lane]] += added[0][lane];
    voxels[at[1][lane]] += added[1][lane];
    voxels[at[2][lane]] += added[2][lane];
  }
}

#if defined(__AVX512F__)
template <>
inline void add_lanes(float* voxels, const int32_t (&at)[3][BLOCK], const float (&added)[3][BLOCK], int first, int last) {
  const __mmask16 lanes = __mmask16((1u << last) - (1u << first));
  for (int part = 0; part < 3; ++part) {
    const __m512i places = _mm512_load_si512(at[part]);
    const __m512 before = _mm512_mask_i32gather_ps(_mm512_setzero_ps(), lanes, places, voxels, sizeof(float));
    _mm512_mask_i32scatter_ps(voxels, lanes, places, _mm512_add_ps(before, _mm512_load_ps(added[part])), sizeof(float));
  }
}
#endif

// Adds what a ray gives to the voxels of one block of layers.
template <int axis, Weight weight, bool fades, class Index>
void walk_block(const Path& path, int64_t block, const Patch<Index>& patch) {
  const double here = double(block) + path.low;
  const double place_p = path.p.at(here), place_q = path.q.at(here);
  const double floor_p = std::floor(place_p), floor_q = std::floor(place_q);
  const float base_p = float(place_p - floor_p), base_q = float(place_q - floor_q);
  const int layer_p = int(floor_p), layer_q = int(floor_q);
  const float from = float(std::max(path.begin - double(block), 0.0));
  const float to = float(std::min(path.end - double(block), double(BLOCK)));
  const float away = float(here), scaled = path.scaled, per_fade = path.per_fade;
  const Aside ap = path.p, aq = path.q;
  const Index along = patch.along, stride_p = patch.p.stride, stride_q = axis == 2 ? patch.q.stride : Index(1);
  alignas(64) Index at[3][BLOCK];
  alignas(64) float added[3][BLOCK];
  for (int lane = 0; lane < BLOCK; ++lane) {
    const float a = std::min(std::max(float(lane), from), to), b = std::min(std::max(float(lane + 1), from), to);
    const Passage y = passage(ap, base_p, layer_p, patch.p.first[lane], patch.p.last[lane], a, b);
    const Passage z = passage(aq, base_q, layer_q, patch.q.first[lane], patch.q.last[lane], a, b);
    const float one = std::min(y.cross, z.cross), two = std::max(y.cross, z.cross);
    const bool y_first = y.cross < z.cross;
    const Index layer = Index(lane) * along;
    const Index y_from = Index(y.from) * stride_p, y_to = Index(y.to) * stride_p;
    const Index z_from = Index(z.from) * stride_q, z_to = Index(z.to) * stride_q;
    at[0][lane] = layer + y_from + z_from;
    at[1][lane] = layer + (y_first ? y_to + z_from : y_from + z_to);
    at[2][lane] = layer + y_to + z_to;
    const float spans[3] = {one - a, two - one, b - two};
    const float middles[3] = {one + a, two + one, b + two};
    for (int part = 0; part < 3; ++part) {
      const float amount = weight == Weight::length ? spans[part] : (spans[part] > TOUCHED ? 1.0f : 0.0f);
      const float distance = fades ? (away + 0.5f * middles[part]) * per_fade : 0.0f;
      added[part][lane] = scaled * amount / (fades ? 1.0f + distance * distance : 1.0f);
    }
  }
  add_lanes(patch.values, at, added, int(from), int(std::ceil(to)));
}

inline int main_axis(const double* d) {
  const double x = std::abs(d[0]), y = std::abs(d[1]), z = std::abs(d[2]);
  return x >= y && x >= z ? 0 : y >= z ? 1 : 2;
}

// The axes other than `axis`.
constexpr int first_aside(int axis) { return axis == 0 ? 1 : 0; }
constexpr int second_aside(int axis) { return axis == 2 ? 1 : 2; }

// How a ray goes through the grid, without `begin < end` where it misses.
template <int axis>
Path path_of(const Grid& grid, const Rays& rays, int64_t ray, Weight weight, double fade) {
  constexpr int p = first_aside(axis), q = second_aside(axis);
  const double *origin = rays.origins + (rays.one_origin ? 0 : 3 * ray), *direction = rays.directions + 3 * ray;
  const Aside ap(origin[p], direction[p] / direction[axis], grid.shape[p]);
  const Aside aq(origin[q], direction[q] / direction[axis], grid.shape[q]);
  const double low = -origin[axis], high = double(grid.shape[axis]) - origin[axis];
  double in = direction[axis] > 0 ? std::max(low, 0.0) : low, out = direction[axis] > 0 ? high : std::min(high, 0.0);
  ap.clip(in, out);
  aq.clip(in, out);
  const bool meets = in < out;
  const double length = std::sqrt(1.0 + ap.slope * ap.slope + aq.slope * aq.slope), layers = double(grid.shape[axis]);
  return {ap, aq, low, meets ? std::clamp(in - low, 0.0, layers) : 0.0, meets ? std::clamp(out - low, 0.0, layers) : 0.0,
          weight == Weight::length ? rays.values[ray] * float(length) : rays.values[ray], fade > 0 ? float(length / fade) : 0.0f};
}

// Rays that are walked together, one block after the other: where they are close, a block of them is added up in the nearest cache.
constexpr int64_t GROUP = 256;
// Floats of such a block at most, and for each ray of a group; where more would be needed, rays add to the grid itself.
constexpr int64_t MOST_CELLS = 16384, CELLS_EACH = 64;

// Between which places on another axis a group of rays is, at both ends of the layers it crosses. In between it is
// within the lines from end to end, for each ray is straight.
struct Hull {
  double first, last;
  double low[2] = {1e300, 1e300}, high[2] = {-1e300, -1e300};

  void take(const Aside& aside, double low_of_ray) {
    const double ends[2] = {aside.at(first + low_of_ray), aside.at(last + low_of_ray)};
    for (int end = 0; end < 2; ++end) {
      low[end] = std::min(low[end], ends[end]);
      high[end] = std::max(high[end], ends[end]);
    }
  }

  // The voxels lowest..highest that the group may be in, within layers from..to.
  void within(double from, double to, int64_t length, int& lowest, int& highest) const {
    const double wide = last - first, most = double(length - 1), a = (from - first) / wide, b = (to - first) / wide;
    const auto along = [&](const double (&of)[2], double part) { return of[0] + (of[1] - of[0]) * std::clamp(part, 0.0, 1.0); };
    lowest = int(std::clamp(std::floor(std::min(along(low, a), along(low, b))) - 1, 0.0, most));
    highest = int(std::clamp(std::floor(std::max(along(high, a), along(high, b))) + 1, 0.0, most));
  }

  // Fills the side of a patch and returns how many voxels wide it is: as slanted as the group, or upright.
  int cover(int64_t block, int64_t length, bool slanted, Side<int32_t>& side) const {
    int wide = 0;
    for (int layer = 0; layer < BLOCK; ++layer) {
      const double from = double(block + (slanted ? layer : 0)), to = double(block + (slanted ? layer + 1 : BLOCK));
      within(from, to, length, side.first[layer], side.last[layer]);
      wide = std::max(wide, side.last[layer] - side.first[layer] + 1);
    }
    return wide;
  }
};

// Rays of one main axis and a grid, walked by one thread.
template <int axis, Weight weight, bool fades, class Index>
class Walk {
 public:
  Walk(const Grid& grid, const Rays& rays, double fade) : grid_(grid), rays_(rays), fade_(fade) { cells_.resize(MOST_CELLS); }

  // The layers first..last, whole blocks, of `count` rays.
  void group(const int64_t* which, int64_t count, int64_t first, int64_t last) {
    paths_.clear();
    double begin = double(last), end = double(first);
    for (int64_t i = 0; i < count; ++i) {
      const Path path = path_of<axis>(grid_, rays_, which[i], weight, fade_);
      if (!(path.begin < path.end)) continue;
      begin = std::min(begin, path.begin);
      end = std::max(end, path.end);
      paths_.push_back(path);
    }
    if (!(begin < end)) return;
    Hull hulls[2] = {{begin, end}, {begin, end}};
    for (const Path& path : paths_) {
      hulls[0].take(path.p, path.low);
      hulls[1].take(path.q, path.low);
    }
    const int64_t from = std::max(first, int64_t(begin) / BLOCK * BLOCK), to = std::min(last, int64_t(std::ceil(end)));
    for (int64_t block = from; block < to; block += BLOCK) walk(hulls, block);
  }

 private:
  void walk(const Hull (&hulls)[2], int64_t block) {
    Patch<int32_t> patch;
    // Along z a block is rows of its layers, which a slant would part; along the other axes it is rows of its second side.
    constexpr bool slanted = axis != 2;
    const int64_t high = hulls[0].cover(block, grid_.shape[P], slanted, patch.p), wide = hulls[1].cover(block, grid_.shape[Q], slanted, patch.q);
    const int64_t width = slanted ? (wide + LINE - 1) / LINE * LINE : wide, cells = high * width * BLOCK;
    if (cells > std::min(MOST_CELLS, CELLS_EACH * int64_t(paths_.size()))) return add<Index>(block, whole(block));
    patch.values = cells_.data();
    patch.q.stride = slanted ? 1 : BLOCK;
    patch.p.stride = int32_t(width * patch.q.stride);
    patch.along = slanted ? int32_t(high * width) : 1;
    each_row(patch, block, high, wide, [](float* into, float*, int64_t) { __builtin_prefetch(into, 1, 2); });
    add(block, patch);
    each_row(patch, block, high, wide, [](float* into, float* from, int64_t count) {
      int64_t i = 0;
      for (; i + LINE <= count; i += LINE) {
        for (int64_t k = i; k < i + LINE; ++k) into[k] += from[k];
        std::fill(from + i, from + i + LINE, 0.0f);
      }
      for (; i < count; ++i) {
        into[i] += from[i];
        from[i] = 0;
      }
    });
  }

  // The rows of a block that lie one behind the other in the grid, and where they are in the patch.
  template <class Act>
  void each_row(const Patch<int32_t>& patch, int64_t block, int64_t high, int64_t wide, const Act& act) {
    const int64_t depth = std::min<int64_t>(BLOCK, grid_.shape[axis] - block);
    const auto place = [&](int64_t layer, int64_t p, int64_t q) {
      return grid_.values + (block + layer) * stride(axis) + (patch.p.first[layer] + p) * stride(P) + (patch.q.first[layer] + q) * stride(Q);
    };
    if (axis == 2) {
      for (int64_t p = 0; p < high; ++p)
        for (int64_t q = 0; q < wide; ++q) act(place(0, p, q), patch.values + p * patch.p.stride + q * BLOCK, depth);
      return;
    }
    const int64_t width = patch.p.stride;
    for (int64_t layer = 0; layer < depth; ++layer) {
      const int64_t count = std::min(width, grid_.shape[Q] - patch.q.first[layer]), rows = patch.p.last[layer] - patch.p.first[layer] + 1;
      for (int64_t p = 0; p < rows; ++p) act(place(layer, p, 0), patch.values + layer * patch.along + p * width, count);
    }
  }

  // The grid itself, from a layer on.
  Patch<Index> whole(int64_t block) const {
    Patch<Index> patch{grid_.values + block * stride(axis), Index(stride(axis)), {}, {}};
    std::fill(patch.p.last, patch.p.last + BLOCK, int(grid_.shape[P] - 1));
    std::fill(patch.q.last, patch.q.last + BLOCK, int(grid_.shape[Q] - 1));
    patch.p.stride = Index(stride(P));
    patch.q.stride = Index(stride(Q));
    return patch;
  }

  template <class Any>
  void add(int64_t block, const Patch<Any>& patch) const {
    for (const Path& path : paths_)
      if (path.begin < double(block + BLOCK) && path.end > double(block)) walk_block<axis, weight, fades>(path, block, patch);
  }

  int64_t stride(int of) const { return of == 0 ? grid_.shape[1] * grid_.shape[2] : of == 1 ? grid_.shape[2] : 1; }

  static constexpr int P = first_aside(axis), Q = second_aside(axis);
  const Grid& grid_;
  const Rays& rays_;
  const double fade_;
  std::vector<Path> paths_;
  std::vector<float> cells_;
};

template <int axis, Weight weight, bool fades, class Index>
void walk_all(const Grid& grid, const Rays& rays, const std::vector<int64_t>& which, double fade, int64_t threads) {
  const int64_t layers = grid.shape[axis], count = int64_t(which.size());
  in_parallel(threads, count == 0 ? 0 : (layers + BLOCK - 1) / BLOCK, [&](int64_t first, int64_t last) {
    Walk<axis, weight, fades, Index> walk(grid, rays, fade);
    for (int64_t ray = 0; ray < count; ray += GROUP)
      walk.group(which.data() + ray, std::min(GROUP, count - ray), first * BLOCK, std::min(last * BLOCK, layers));
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
