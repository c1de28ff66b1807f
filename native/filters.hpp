// Filters of volumes: box, gaussian, dense convolution, erosion and dilation. Knows nothing of Python.
//
// A separable filter goes through the volume once: each plane is filtered along y and z into a ring of planes that stays in the
// cache, and an output plane is combined from the ring. Nothing the size of the volume is made on the way.
#pragma once

#include <cmath>
#include <limits>

#include "parallel.hpp"
#include "stores.hpp"

namespace crucible {

// What lies beyond a border: the volume mirrored (d c b a | a b c d), its last voxel, or zero.
enum class Edge { reflect, nearest, zero };

namespace detail {

// Where places -radius..length+radius-1 of an axis are found in the volume; -1 is nowhere.
inline std::vector<int64_t> places(int64_t length, int64_t radius, Edge edge) {
  std::vector<int64_t> found;
  for (int64_t place = -radius; place < length + radius; ++place) {
    if (place >= 0 && place < length) {
      found.push_back(place);
    } else if (edge == Edge::zero) {
      found.push_back(-1);
    } else if (edge == Edge::nearest) {
      found.push_back(std::clamp<int64_t>(place, 0, length - 1));
    } else {
      const int64_t period = 2 * length, within = ((place % period) + period) % period;
      found.push_back(within < length ? within : period - 1 - within);
    }
  }
  return found;
}

// Sums with symmetric weights.
struct Weighted {
  const float* weights;  // from the middle outwards
  static constexpr float beyond = 0.0f;
  float first(float value) const { return weights[0] * value; }
  float more(float sum, float before, float after, int64_t away) const { return sum + weights[away] * (before + after); }
  float last(float sum) const { return sum; }
};

// Sums of equal weight, scaled once.
struct Summed {
  float scale;
  static constexpr float beyond = 0.0f;
  float first(float value) const { return value; }
  float more(float sum, float before, float after, int64_t) const { return sum + (before + after); }
  float last(float sum) const { return sum * scale; }
};

// The least or the largest; what is not a number counts for nothing.
template <bool least>
struct Extreme {
  static constexpr float beyond = least ? std::numeric_limits<float>::infinity() : -std::numeric_limits<float>::infinity();
  static float of(float value, float best) { return least ? (value < best ? value : best) : (value > best ? value : best); }
  float first(float value) const { return of(value, beyond); }
  float more(float best, float before, float after, int64_t) const { return of(after, of(before, best)); }
  float last(float best) const { return best; }
};

template <int radius, class Op>
void combine_fixed(const float* const* rows, const Op& op, float* __restrict out, int64_t n) {
  const float* row[2 * radius + 1];
  for (int i = 0; i < 2 * radius + 1; ++i) row[i] = rows[i];
#pragma GCC ivdep
  for (int64_t k = 0; k < n; ++k) {
    float value = op.first(row[radius][k]);
#pragma GCC unroll 8
    for (int t = 1; t <= radius; ++t) value = op.more(value, row[radius - t][k], row[radius + t][k], t);
    out[k] = op.last(value);
  }
}

// out[k] from rows[0][k] .. rows[2 * radius][k].
template <class Op>
void combine(const float* const* rows, int64_t radius, const Op& op, float* __restrict out, int64_t n) {
  switch (radius) {
    case 0: return combine_fixed<0>(rows, op, out, n);
    case 1: return combine_fixed<1>(rows, op, out, n);
    case 2: return combine_fixed<2>(rows, op, out, n);
    case 3: return combine_fixed<3>(rows, op, out, n);
    case 4: return combine_fixed<4>(rows, op, out, n);
    case 5: return combine_fixed<5>(rows, op, out, n);
    case 6: return combine_fixed<6>(rows, op, out, n);
    case 8: return combine_fixed<8>(rows, op, out, n);
    default: break;
  }
  for (int64_t k = 0; k < n; ++k) out[k] = op.first(rows[radius][k]);
  for (int64_t t = 1; t <= radius; ++t) {
    const float *before = rows[radius - t], *after = rows[radius + t];
#pragma GCC ivdep
    for (int64_t k = 0; k < n; ++k) out[k] = op.more(out[k], before[k], after[k], t);
  }
  for (int64_t k = 0; k < n; ++k) out[k] = op.last(out[k]);
}

// Three rows added, then each three neighbours of the sum, without a row between them; false where there is no way but combine twice.
template <class Op>
bool sum_threes(const float* const*, const Op&, bool, float*, int64_t) {
  return false;
}

#if defined(__AVX512F__)
inline bool sum_threes(const float* const* rows, const Summed&, bool mirrored, float* out, int64_t n) {
  const float *const a = rows[0], *const b = rows[1], *const c = rows[2];
  const auto sum = [&](int64_t k) {
    const __mmask16 lanes = n - k >= LINE ? __mmask16(0xFFFF) : __mmask16((1u << (n - k)) - 1);
    const auto load = [&](const float* from) { return _mm512_maskz_loadu_ps(lanes, from + k); };
    return _mm512_add_ps(load(b), _mm512_add_ps(load(a), load(c)));
  };
  const auto shifted = [](__m512 low, __m512 high, auto by) {
    return _mm512_castsi512_ps(_mm512_alignr_epi32(_mm512_castps_si512(high), _mm512_castps_si512(low), decltype(by)::value));
  };
  __m512 here = sum(0), last = mirrored ? _mm512_broadcastss_ps(_mm512_castps512_ps128(here)) : _mm512_setzero_ps();
  for (int64_t k = 0; k < n; k += LINE) {
    const int64_t rest = n - k;
    __m512 next = rest > LINE ? sum(k + LINE) : _mm512_setzero_ps();
    if (rest <= LINE && mirrored) {
      // Behind the last voxel it stands once more.
      const __m512 again = _mm512_permutexvar_ps(_mm512_set1_epi32(int(rest - 1)), here);
      if (rest == LINE) next = again;
      else here = _mm512_mask_mov_ps(here, __mmask16(1u << rest), again);
    }
    const __m512 before = shifted(last, here, std::integral_constant<int, 15>{}), after = shifted(here, next, std::integral_constant<int, 1>{});
    const __m512 total = _mm512_add_ps(here, _mm512_add_ps(before, after));
    if (rest >= LINE) _mm512_storeu_ps(out + k, total);
    else _mm512_mask_storeu_ps(out + k, __mmask16((1u << rest) - 1), total);
    last = here;
    here = next;
  }
  return true;
}
#endif

// How one axis is filtered.
template <class Op>
struct Pass {
  Op op;
  int64_t radius;
};

// Bytes of the ring of planes that should stay in the cache.
constexpr int64_t RING_BYTES = 400 * 1024;

// Rows that are asked for before they are needed.
constexpr int64_t AHEAD = 4;

// The rows first..last of every plane.
template <class Op>
void filter_rows(const float* in, float* out, Shape shape, const Pass<Op> (&pass)[3], Edge edge, int64_t first, int64_t last) {
  const auto [px, py, pz] = pass;
  const int64_t depth = 2 * px.radius + 1, nz = shape.z, width = (last - first) * nz;
  const auto at_x = places(shape.x, px.radius, edge), at_y = places(shape.y, py.radius, edge), at_z = places(nz, pz.radius, edge);
  // Where nothing lies the filter sees a value that leaves it as it is.
  std::vector<float> ring(depth * width), padded(nz + 2 * pz.radius), nothing(std::max(width, nz), Op::beyond);
  std::vector<const float*> rows(2 * std::max({px.radius, py.radius, pz.radius}) + 1), parts(depth);
  const bool streamed = shape.count() * int64_t(sizeof(float)) >= STREAMED_BYTES;

  const auto filter_plane = [&](int64_t x, float* into) {
    for (int64_t y = first; y < last; ++y) {
      for (int64_t t = 0; t < 2 * py.radius + 1; ++t)
        rows[t] = at_y[y + t] < 0 ? nothing.data() : in + (x * shape.y + at_y[y + t]) * nz;
      float* const line = padded.data() + pz.radius;
      fetch(in + std::min((x * shape.y + y + py.radius + AHEAD) * nz, shape.count() - nz), nz);
      if (py.radius == 1 && pz.radius == 1 && sum_threes(rows.data(), pz.op, edge != Edge::zero, into + (y - first) * nz, nz)) continue;
      combine(rows.data(), py.radius, py.op, line, nz);
      for (int64_t t = 0; t < pz.radius; ++t) {
        const int64_t before = at_z[t], after = at_z[nz + pz.radius + t];
        padded[t] = before < 0 ? Op::beyond : line[before];
        line[nz + t] = after < 0 ? Op::beyond : line[after];
      }
      for (int64_t t = 0; t < 2 * pz.radius + 1; ++t) rows[t] = padded.data() + t;
      combine(rows.data(), pz.radius, pz.op, into + (y - first) * nz, nz);
    }
  };

  // Planes 0..made-1 are in the ring, each in slot number modulo depth. A plane that is mirrored is among them or in the ring still.
  int64_t made = 0;
  for (int64_t x = 0; x < shape.x; ++x) {
    for (; made < std::min(shape.x, x + px.radius + 1); ++made) filter_plane(made, ring.data() + (made % depth) * width);
    for (int64_t t = 0; t < depth; ++t)
      rows[t] = at_x[x + t] < 0 ? nothing.data() : ring.data() + (at_x[x + t] % depth) * width;
    write(out + (x * shape.y + first) * nz, width, streamed, [&](int64_t begin, int64_t end, float* into) {
      for (int64_t t = 0; t < depth; ++t) parts[t] = rows[t] + begin;
      combine(parts.data(), px.radius, px.op, into, end - begin);
    });
  }
  if (streamed) finish_stores();
}

template <class Op>
void filter(const float* in, float* out, Shape shape, const Pass<Op> (&pass)[3], Edge edge, int64_t threads) {
  if (shape.count() == 0) return;
  const int64_t depth = 2 * pass[0].radius + 1;
  const int64_t tile = std::clamp<int64_t>(RING_BYTES / (depth * shape.z * 4), std::min<int64_t>(8, shape.y), shape.y);
  in_parallel(threads, shape.y, [&](int64_t first, int64_t last) {
    for (int64_t y = first; y < last; y += tile) filter_rows(in, out, shape, pass, edge, y, std::min(last, y + tile));
  });
}

}  // namespace detail

// The mean of the box of sizes 2 * radius + 1 around each voxel.
inline void box_filter(const float* in, float* out, Shape shape, const int64_t (&radius)[3], Edge edge, int64_t threads) {
  using detail::Summed;
  const auto size = [&](int axis) { return 2 * double(radius[axis]) + 1; };
  const float scale = float(1.0 / (size(0) * size(1) * size(2)));
  const detail::Pass<Summed> passes[3] = {{{scale}, radius[0]}, {{1.0f}, radius[1]}, {{1.0f}, radius[2]}};
  detail::filter(in, out, shape, passes, edge, threads);
}

// Sums weighted by a gaussian of `sigma` voxels along each axis, out to `truncate` sigmas.
inline void gaussian_filter(const float* in, float* out, Shape shape, const double (&sigma)[3], double truncate, Edge edge,
                            int64_t threads) {
  std::vector<float> weights[3];
  for (int axis = 0; axis < 3; ++axis) {
    const int64_t radius = sigma[axis] > 0 ? int64_t(truncate * sigma[axis] + 0.5) : 0;
    std::vector<double> exact(radius + 1, 1.0);
    double sum = 1;
    for (int64_t t = 1; t <= radius; ++t) sum += 2 * (exact[t] = std::exp(-0.5 * double(t) * double(t) / (sigma[axis] * sigma[axis])));
    for (const double weight : exact) weights[axis].push_back(float(weight / sum));
  }
  const auto pass = [&](int axis) {
    return detail::Pass<detail::Weighted>{{weights[axis].data()}, int64_t(weights[axis].size()) - 1};
  };
  const detail::Pass<detail::Weighted> passes[3] = {pass(0), pass(1), pass(2)};
  detail::filter(in, out, shape, passes, edge, threads);
}

// The least (erosion) or largest (dilation) value in the box around each voxel; what lies beyond the border counts for nothing.
inline void extreme_box(const float* in, float* out, Shape shape, const int64_t (&radius)[3], bool least, int64_t threads) {
  const auto with = [&](auto op) {
    const detail::Pass<decltype(op)> passes[3] = {{op, radius[0]}, {op, radius[1]}, {op, radius[2]}};
    detail::filter(in, out, shape, passes, Edge::zero, threads);
  };
  if (least)
    with(detail::Extreme<true>{});
  else
    with(detail::Extreme<false>{});
}

// The least or largest of each voxel and the six that share a face with it.
inline void extreme_cross(const float* in, float* out, Shape shape, bool least, int64_t threads) {
  const auto with = [&](auto op) {
    const int64_t nz = shape.z, sx = shape.y * nz;
    in_parallel(threads, shape.x * shape.y, [&](int64_t first, int64_t last) {
      for (int64_t line = first; line < last; ++line) {
        const int64_t x = line / shape.y, y = line % shape.y;
        const float* from = in + line * nz;
        float* __restrict into = out + line * nz;
        const float* below[2] = {x > 0 ? from - sx : from, y > 0 ? from - nz : from};
        const float* above[2] = {x + 1 < shape.x ? from + sx : from, y + 1 < shape.y ? from + nz : from};
        for (int64_t k = 0; k < nz; ++k) {
          float best = op.first(from[k]);
          for (int axis = 0; axis < 2; ++axis) best = op.more(best, below[axis][k], above[axis][k], 1);
          into[k] = op.more(best, from[k > 0 ? k - 1 : k], from[k + 1 < nz ? k + 1 : k], 1);
        }
      }
    });
  };
  if (least)
    with(detail::Extreme<true>{});
  else
    with(detail::Extreme<false>{});
}

// The convolution with a small dense kernel of odd sizes: out(p) = sum of kernel(q) in(p - q), q from the kernel's middle.
inline void convolve(const float* in, const float* kernel, float* out, Shape shape, Shape size, Edge edge, int64_t threads) {
  constexpr int64_t WIDE = 64;
  const int64_t rx = size.x / 2, ry = size.y / 2, rz = size.z / 2, nz = shape.z;
  if (shape.count() == 0) return;
  const auto at_x = detail::places(shape.x, rx, edge), at_y = detail::places(shape.y, ry, edge), at_z = detail::places(nz, rz, edge);
  // Rows are padded at both ends, and made whole blocks long.
  const int64_t width = (nz + WIDE - 1) / WIDE * WIDE + 2 * rz;
  in_parallel(threads, shape.x, [&](int64_t first, int64_t last) {
    const int64_t height = shape.y + 2 * ry;
    std::vector<float> ring(size.x * height * width, 0.0f);
    const auto pad = [&](int64_t place) {
      float* const plane = ring.data() + (place % size.x) * height * width;
      for (int64_t y = 0; y < height; ++y) {
        float* const row = plane + y * width;
        const bool nothing = at_x[place] < 0 || at_y[y] < 0;
        const float* const from = nothing ? nullptr : in + (at_x[place] * shape.y + at_y[y]) * nz;
        for (int64_t z = 0; z < nz + 2 * rz; ++z) row[z] = nothing || at_z[z] < 0 ? 0.0f : from[at_z[z]];
      }
    };
    for (int64_t place = first; place < first + 2 * rx; ++place) pad(place);
    for (int64_t x = first; x < last; ++x) {
      pad(x + 2 * rx);
      for (int64_t y = 0; y < shape.y; ++y) {
        for (int64_t z = 0; z < nz; z += WIDE) {
          alignas(64) float sum[WIDE] = {};
          const float* weight = kernel + size.count();
          for (int64_t i = 0; i < size.x; ++i)
            for (int64_t j = 0; j < size.y; ++j) {
              const float* const row = ring.data() + (((x + i) % size.x) * height + y + j) * width + z;
              for (int64_t t = 0; t < size.z; ++t) {
                const float by = *--weight;
                for (int64_t k = 0; k < WIDE; ++k) sum[k] += by * row[t + k];
              }
            }
          std::copy(sum, sum + std::min(WIDE, nz - z), out + (x * shape.y + y) * nz + z);
        }
      }
    }
  });
}

}  // namespace crucible
