// Volumes turned, scaled and sheared: out(p) = in(matrix p + offset), by splines of order 0, 1 or 3. Knows nothing of Python.
#pragma once

#include <cmath>
#include <cstring>

#include "parallel.hpp"
#include "stores.hpp"

namespace crucible {

struct Affine {
  double matrix[9];  // row by row
  double offset[3];
};

namespace detail {

// A row of output voxels: where each is in the input is computed as (i m0 + j m1) + k m2 + offset, in this order.
struct Row {
  double base[3], step[3], offset[3];
  double at(int axis, int64_t k) const { return base[axis] + double(k) * step[axis] + offset[axis]; }
};

// The part of first..last-1 whose places along `axis` are in 0..length-1. Places never go back along a row, so it is one part:
// where it begins and ends is estimated, then set right by the places themselves.
inline void narrow(const Row& row, int axis, int64_t length, int64_t& first, int64_t& last) {
  const double step = row.step[axis], most = double(length - 1);
  const auto inside = [&](int64_t k) { return row.at(axis, k) >= 0 && row.at(axis, k) <= most; };
  if (first >= last) return;
  if (step == 0) {
    if (!inside(first)) last = first;
    return;
  }
  // The first of first..last-1 for which `reached` holds, as it does for all that follow; `last` where there is none.
  const auto find = [&](double bound, const auto& reached) {
    const double estimate = std::clamp((bound - row.base[axis] - row.offset[axis]) / step, double(first), double(last));
    int64_t k = std::isnan(estimate) ? first : int64_t(estimate);
    while (k > first && reached(k - 1)) --k;
    while (k < last && !reached(k)) ++k;
    return k;
  };
  const bool rises = step > 0;
  first = find(rises ? 0.0 : most, [&](int64_t k) { return rises ? row.at(axis, k) >= 0 : row.at(axis, k) <= most; });
  last = find(rises ? most : 0.0, [&](int64_t k) { return rises ? row.at(axis, k) > most : row.at(axis, k) < 0; });
}

inline int64_t stride_of(int64_t length, int64_t stride) { return length > 1 ? stride : 0; }

// Order 1, where the row moves along z alone and by whole voxels: four rows are mixed.
inline void mix_rows(const float* in, const Shape& shape, const Row& row, float* __restrict out, int64_t first, int64_t last) {
  const double x = row.at(0, first), y = row.at(1, first);
  const int64_t sy = shape.z, sx = shape.y * sy;
  const int64_t i = std::min<int64_t>(int64_t(x), std::max<int64_t>(shape.x - 2, 0));
  const int64_t j = std::min<int64_t>(int64_t(y), std::max<int64_t>(shape.y - 2, 0));
  const float fx = float(x - double(i)), fy = float(y - double(j));
  const float a = (1 - fx) * (1 - fy), b = (1 - fx) * fy, c = fx * (1 - fy), d = fx * fy;
  const float* const p = in + i * sx + j * sy + int64_t(row.at(2, first)) - first;
  const float *q = p + stride_of(shape.y, sy), *r = p + stride_of(shape.x, sx), *s = q + stride_of(shape.x, sx);
#pragma GCC ivdep
  for (int64_t k = first; k < last; ++k) out[k] = a * p[k] + b * q[k] + c * r[k] + d * s[k];
}

constexpr int64_t BATCH = 64;

#if defined(__AVX512F__)
constexpr int64_t PAIRS = 8;

// Eight voxels at once: two neighbours along z are fetched as one, mixed side by side, and added in the order of the loop below.
inline void mix_pairs(const float* in, const double* place, const float* part_x, const float* part_y, const float* part_z, int64_t dx,
                      int64_t dy, float* out) {
  const __m512 one = _mm512_set1_ps(1.0f);
  const auto both = [](const float* of) { return _mm512_moveldup_ps(_mm512_castsi512_ps(_mm512_cvtepu32_epi64(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(of))))); };
  const __m512 fx = both(part_x), fy = both(part_y), fz = both(part_z);
  const __m512 gx = _mm512_sub_ps(one, fx), gy = _mm512_sub_ps(one, fy);
  const __m512 z = _mm512_mask_sub_ps(fz, 0x5555, one, fz);
  const __m512i at = _mm512_cvttpd_epi64(_mm512_loadu_pd(place));
  const auto pair = [&](int64_t away) {
    const __m512 two = _mm512_castpd_ps(_mm512_i64gather_pd(at, reinterpret_cast<const double*>(in + away), sizeof(float)));
    const __m512 weighted = _mm512_mul_ps(two, z);
    return _mm512_add_ps(weighted, _mm512_permute_ps(weighted, 0xB1));
  };
  const auto mixed = [](__m512 a, __m512 by_a, __m512 b, __m512 by_b) { return _mm512_add_ps(_mm512_mul_ps(a, by_a), _mm512_mul_ps(b, by_b)); };
  const __m512 near = mixed(pair(0), gy, pair(dy), fy), far = mixed(pair(dx), gy, pair(dx + dy), fy);
  const __m512 result = mixed(near, gx, far, fx);
  _mm256_storeu_ps(out, _mm256_castsi256_ps(_mm512_cvtepi64_epi32(_mm512_castps_si512(result))));
}
#endif

// Order 1 anywhere: places and weights of a batch are worked out together, then eight voxels are mixed for each.
inline void mix_eight(const float* in, const Shape& shape, const Row& row, float* out, int64_t first, int64_t last) {
  const int64_t sy = shape.z, sx = shape.y * sy;
  const int64_t dx = stride_of(shape.x, sx), dy = stride_of(shape.y, sy), dz = stride_of(shape.z, 1);
  const double most[3] = {double(std::max<int64_t>(shape.x - 2, 0)), double(std::max<int64_t>(shape.y - 2, 0)),
                          double(std::max<int64_t>(shape.z - 2, 0))};
  const double strides[3] = {double(sx), double(sy), 1.0};
  alignas(64) float part[3][BATCH];
  alignas(64) double place[BATCH];
  for (int64_t k0 = first; k0 < last; k0 += BATCH) {
    const int64_t count = std::min(BATCH, last - k0);
    std::fill(place, place + BATCH, 0.0);
    for (int axis = 0; axis < 3; ++axis) {
      const double base = row.base[axis], step = row.step[axis], offset = row.offset[axis], stride = strides[axis];
      for (int64_t k = 0; k < BATCH; ++k) {
        const double at = base + double(int32_t(k0 + k)) * step + offset;
        const double whole = std::min(double(int32_t(at)), most[axis]);
        part[axis][k] = float(at - whole);
        place[k] += whole * stride;
      }
    }
    int64_t k = 0;
#if defined(__AVX512F__)
    if (dz == 1)
      for (; k + PAIRS <= count; k += PAIRS) mix_pairs(in, place + k, part[0] + k, part[1] + k, part[2] + k, dx, dy, out + k0 + k);
#endif
    for (; k < count; ++k) {
      const float* const p = in + int64_t(place[k]);
      const float fx = part[0][k], fy = part[1][k], fz = part[2][k], gy = 1 - fy, gz = 1 - fz;
      const float near = (p[0] * gz + p[dz] * fz) * gy + (p[dy] * gz + p[dy + dz] * fz) * fy;
      const float far = (p[dx] * gz + p[dx + dz] * fz) * gy + (p[dx + dy] * gz + p[dx + dy + dz] * fz) * fy;
      out[k0 + k] = near * (1 - fx) + far * fx;
    }
  }
}

inline void take_nearest(const float* in, const Shape& shape, const Row& row, float* out, int64_t first, int64_t last) {
  for (int64_t k = first; k < last; ++k) {
    const auto at = [&](int axis) { return int64_t(std::floor(row.at(axis, k) + 0.5)); };
    out[k] = in[(at(0) * shape.y + at(1)) * shape.z + at(2)];
  }
}

// Mirrored at the middle of the outermost voxels (c b a b c).
inline int64_t mirrored(int64_t place, int64_t length) {
  if (length == 1) return 0;
  const int64_t period = 2 * (length - 1), within = ((place % period) + period) % period;
  return within < length ? within : period - within;
}

inline void cubic_taps(double at, int64_t length, int64_t stride, double (&weight)[4], int64_t (&place)[4]) {
  const int64_t whole = int64_t(std::floor(at));
  const double t = at - double(whole), u = 1 - t;
  weight[0] = u * u * u / 6;
  weight[1] = (t * t * (t - 2) * 3 + 4) / 6;
  weight[2] = (u * u * (u - 2) * 3 + 4) / 6;
  weight[3] = 1.0 - weight[0] - weight[1] - weight[2];
  for (int tap = 0; tap < 4; ++tap) place[tap] = mirrored(whole - 1 + tap, length) * stride;
}

// Order 3, from spline coefficients.
inline void mix_cubic(const float* in, const Shape& shape, const Row& row, float* out, int64_t first, int64_t last) {
  double w[3][4];
  int64_t p[3][4];
  for (int64_t k = first; k < last; ++k) {
    cubic_taps(row.at(0, k), shape.x, shape.y * shape.z, w[0], p[0]);
    cubic_taps(row.at(1, k), shape.y, shape.z, w[1], p[1]);
    cubic_taps(row.at(2, k), shape.z, 1, w[2], p[2]);
    double sum = 0;
    for (int i = 0; i < 4; ++i)
      for (int j = 0; j < 4; ++j) {
        const float* const from = in + p[0][i] + p[1][j];
        sum += w[0][i] * w[1][j] * (w[2][0] * from[p[2][0]] + w[2][1] * from[p[2][1]] + w[2][2] * from[p[2][2]] + w[2][3] * from[p[2][3]]);
      }
    out[k] = float(sum);
  }
}

// Turns the values of lines into coefficients of a cubic spline that is mirrored at its ends; `wide` lines beside each other.
inline void spline_lines(float* values, int64_t length, int64_t stride, int64_t wide, std::vector<double>& line) {
  const double pole = std::sqrt(3.0) - 2.0, gain = (1 - pole) * (1 - 1 / pole);
  line.resize(length * wide);
  const auto row = [&](int64_t i) { return line.data() + i * wide; };
  for (int64_t i = 0; i < length; ++i)
    for (int64_t k = 0; k < wide; ++k) row(i)[k] = double(values[i * stride + k]) * gain;
  // The sum over the mirrored line, all of it or as far as a double tells.
  const int64_t horizon = std::min<int64_t>(length, 40);
  for (int64_t k = 0; k < wide; ++k) {
    double power = pole, sum = row(0)[k];
    if (length <= 40) {
      const double last = std::pow(pole, double(length - 1));
      double back = last * last / pole;
      sum = row(0)[k] + last * row(length - 1)[k];
      for (int64_t i = 1; i < length - 1; ++i, power *= pole, back /= pole) sum += (power + back) * row(i)[k];
      sum /= 1 - last * last;
    } else {
      for (int64_t i = 1; i < horizon; ++i, power *= pole) sum += power * row(i)[k];
    }
    row(0)[k] = sum;
  }
  for (int64_t i = 1; i < length; ++i)
    for (int64_t k = 0; k < wide; ++k) row(i)[k] += pole * row(i - 1)[k];
  for (int64_t k = 0; k < wide; ++k) row(length - 1)[k] = (pole / (pole * pole - 1)) * (row(length - 1)[k] + pole * row(length - 2)[k]);
  for (int64_t i = length - 2; i >= 0; --i)
    for (int64_t k = 0; k < wide; ++k) row(i)[k] = pole * (row(i + 1)[k] - row(i)[k]);
  for (int64_t i = 0; i < length; ++i)
    for (int64_t k = 0; k < wide; ++k) values[i * stride + k] = float(row(i)[k]);
}

}  // namespace detail

// Turns a volume into the coefficients of its cubic spline, in place.
inline void spline_coefficients(float* values, Shape shape, int64_t threads) {
  const int64_t nz = shape.z, sx = shape.y * nz;
  if (shape.count() == 0) return;
  if (nz > 1)
    in_parallel(threads, shape.x * shape.y, [&](int64_t first, int64_t last) {
      std::vector<double> line;
      for (int64_t i = first; i < last; ++i) detail::spline_lines(values + i * nz, nz, 1, 1, line);
    });
  if (shape.y > 1)
    in_parallel(threads, shape.x, [&](int64_t first, int64_t last) {
      std::vector<double> line;
      for (int64_t x = first; x < last; ++x) detail::spline_lines(values + x * sx, shape.y, nz, nz, line);
    });
  if (shape.x > 1)
    in_parallel(threads, shape.y, [&](int64_t first, int64_t last) {
      std::vector<double> line;
      for (int64_t y = first; y < last; ++y) detail::spline_lines(values + y * nz, shape.x, sx, nz, line);
    });
}

namespace detail {

// One row of output, z from 0 on.
inline void resample_row(const float* in, const Shape& shape, const Row& row, float* out, int64_t length, int order, float outside) {
  int64_t first = 0, last = shape.count() > 0 ? length : 0;
  const int64_t lengths[3] = {shape.x, shape.y, shape.z};
  for (int axis = 0; axis < 3; ++axis) narrow(row, axis, lengths[axis], first, last);
  last = std::max(first, last);
  std::fill(out, out + first, outside);
  std::fill(out + last, out + length, outside);
  if (first == last) return;
  const double start = row.at(2, 0);
  const bool along_z = row.step[0] == 0 && row.step[1] == 0 && row.step[2] == 1 && start == std::floor(start);
  if (order == 0) take_nearest(in, shape, row, out, first, last);
  else if (order == 3) mix_cubic(in, shape, row, out, first, last);
  else if (along_z) mix_rows(in, shape, row, out, first, last);
  else mix_eight(in, shape, row, out, first, last);
}

// Rows of output that are worked out after each other, along x and along y: what they mix lies close together and stays in the cache.
constexpr int64_t SQUARE = 8;

}  // namespace detail

// Fills `out` with the volume at matrix p + offset; `outside` where that is beyond the middle of the outermost voxels.
// Order 3 takes the volume's spline coefficients in place of its values.
inline void resample(const float* in, Shape shape, float* out, Shape size, const Affine& affine, int order, float outside,
                     int64_t threads) {
  using detail::SQUARE;
  const bool streamed = size.count() * int64_t(sizeof(float)) >= STREAMED_BYTES;
  // Planes that are each made from a plane of their own share nothing.
  const int64_t deep = affine.matrix[1] == 0 && affine.matrix[2] == 0 ? 1 : SQUARE;
  const int64_t wide = (size.y + SQUARE - 1) / SQUARE, tiles = wide * ((size.x + deep - 1) / deep);
  in_parallel(threads, size.count() > 0 ? tiles : 0, [&](int64_t begin, int64_t end) {
    Staged staged(streamed, std::min(SQUARE, size.y) * size.z);
    for (int64_t tile = begin; tile < end; ++tile) {
      const int64_t i0 = tile / wide * deep, j0 = tile % wide * SQUARE, j1 = std::min(size.y, j0 + SQUARE);
      for (int64_t i = i0; i < std::min(size.x, i0 + deep); ++i) {
        float* const there = out + (i * size.y + j0) * size.z;
        float* const into = staged.place(there);
        for (int64_t j = j0; j < j1; ++j) {
          detail::Row row;
          for (int axis = 0; axis < 3; ++axis) {
            const double* m = affine.matrix + 3 * axis;
            row.base[axis] = double(i) * m[0] + double(j) * m[1];
            row.step[axis] = m[2];
            row.offset[axis] = affine.offset[axis];
          }
          detail::resample_row(in, shape, row, into + (j - j0) * size.z, size.z, order, outside);
        }
        staged.write(there, (j1 - j0) * size.z);
      }
    }
    if (streamed) finish_stores();
  });
}

}  // namespace crucible
