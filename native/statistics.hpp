// Figures of a volume: extremes, mean, deviation, percentiles. Knows nothing of Python.
#pragma once

#include <cmath>
#include <cstring>
#include <limits>

#include "parallel.hpp"

namespace crucible {

struct Statistics {
  int64_t finite = 0, nonzero = 0;
  double least = std::numeric_limits<double>::infinity(), most = -std::numeric_limits<double>::infinity();
  double sum = 0, mean = 0, deviation = 0;
};

namespace detail {

// Parts are of this size whatever the number of threads, and are summed in their order: the result is the same to the last bit.
constexpr int64_t PART = 65536;
constexpr int LANES = 16;

inline bool is_finite(float value) { return std::abs(value) <= std::numeric_limits<float>::max(); }

inline Statistics of_part(const float* values, int64_t count) {
  double sum[LANES] = {};
  float least[LANES], most[LANES];
  int32_t finite[LANES] = {}, nonzero[LANES] = {};
  std::fill(least, least + LANES, std::numeric_limits<float>::infinity());
  std::fill(most, most + LANES, -std::numeric_limits<float>::infinity());
  const auto take = [&](int lane, float value) {
    const bool counts = is_finite(value);
    sum[lane] += counts ? double(value) : 0.0;
    least[lane] = counts && value < least[lane] ? value : least[lane];
    most[lane] = counts && value > most[lane] ? value : most[lane];
    finite[lane] += counts ? 1 : 0;
    nonzero[lane] += counts && value != 0 ? 1 : 0;
  };
  int64_t i = 0;
  for (; i + LANES <= count; i += LANES)
    for (int lane = 0; lane < LANES; ++lane) take(lane, values[i + lane]);
  for (int lane = 0; i < count; ++i, ++lane) take(lane, values[i]);
  Statistics all;
  for (int lane = 0; lane < LANES; ++lane) {
    all.sum += sum[lane];
    all.finite += finite[lane];
    all.nonzero += nonzero[lane];
    all.least = std::min(all.least, double(least[lane]));
    all.most = std::max(all.most, double(most[lane]));
  }
  return all;
}

inline double squares_of_part(const float* values, int64_t count, double mean) {
  double sum[LANES] = {};
  const auto take = [&](int lane, float value) {
    const double away = is_finite(value) ? double(value) - mean : 0.0;
    sum[lane] += away * away;
  };
  int64_t i = 0;
  for (; i + LANES <= count; i += LANES)
    for (int lane = 0; lane < LANES; ++lane) take(lane, values[i + lane]);
  for (int lane = 0; i < count; ++i, ++lane) take(lane, values[i]);
  double all = 0;
  for (const double lane : sum) all += lane;
  return all;
}

// Numbers in the order of the floats they are the bits of.
inline uint32_t ordered(float value) {
  uint32_t bits;
  std::memcpy(&bits, &value, sizeof bits);
  return bits & 0x80000000u ? ~bits : bits | 0x80000000u;
}

inline float from_ordered(uint32_t number) {
  const uint32_t bits = number & 0x80000000u ? number & 0x7fffffffu : ~number;
  float value;
  std::memcpy(&value, &bits, sizeof value);
  return value;
}

}  // namespace detail

// The figures of all finite values.
inline Statistics statistics(const float* values, int64_t count, int64_t threads) {
  using detail::PART;
  const int64_t parts = (count + PART - 1) / PART;
  std::vector<Statistics> of(parts);
  std::vector<double> squares(parts);
  const auto size = [&](int64_t part) { return std::min(PART, count - part * PART); };
  in_parallel(threads, parts, [&](int64_t first, int64_t last) {
    for (int64_t part = first; part < last; ++part) of[part] = detail::of_part(values + part * PART, size(part));
  });
  Statistics all;
  for (const Statistics& part : of) {
    all.sum += part.sum;
    all.finite += part.finite;
    all.nonzero += part.nonzero;
    all.least = std::min(all.least, part.least);
    all.most = std::max(all.most, part.most);
  }
  if (all.finite == 0) return all;
  all.mean = all.sum / double(all.finite);
  in_parallel(threads, parts, [&](int64_t first, int64_t last) {
    for (int64_t part = first; part < last; ++part) squares[part] = detail::squares_of_part(values + part * PART, size(part), all.mean);
  });
  double sum = 0;
  for (const double part : squares) sum += part;
  all.deviation = std::sqrt(sum / double(all.finite));
  return all;
}

// Fills `out` with the percentiles (0 to 100) of all finite values, mixed between neighbours; NaN where there are none.
// Nothing is sorted: the upper halves of all numbers are counted, then the lower halves of those where a percentile lies.
inline void percentiles(const float* values, int64_t count, const double* wanted, double* out, int64_t many, int64_t threads) {
  constexpr int64_t HALF = 65536;
  const int64_t parts = std::clamp<int64_t>(threads, 1, 64);
  const auto counted = [&](int64_t bins, const auto& bin_of) {
    std::vector<std::vector<int64_t>> each(parts, std::vector<int64_t>(bins, 0));
    in_parallel(parts, parts, [&](int64_t part, int64_t) {
      for (int64_t i = count * part / parts; i < count * (part + 1) / parts; ++i) {
        if (!detail::is_finite(values[i])) continue;
        const int64_t bin = bin_of(detail::ordered(values[i]));
        if (bin >= 0) ++each[part][bin];
      }
    });
    for (int64_t part = 1; part < parts; ++part)
      for (int64_t bin = 0; bin < bins; ++bin) each[0][bin] += each[part][bin];
    return each[0];
  };
  const std::vector<int64_t> upper = counted(HALF, [](uint32_t number) { return int64_t(number >> 16); });
  int64_t finite = 0;
  for (const int64_t bin : upper) finite += bin;
  if (finite == 0) return std::fill(out, out + many, std::numeric_limits<double>::quiet_NaN());

  // Each rank lies in one bin of the upper halves.
  struct Rank { int64_t rank, before, bin; };
  std::vector<Rank> ranks;
  std::vector<int64_t> slot(HALF, -1);
  int64_t slots = 0;
  const auto find = [&](int64_t rank) {
    int64_t bin = 0, before = 0;
    while (before + upper[bin] <= rank) before += upper[bin++];
    if (slot[bin] < 0) slot[bin] = slots++;
    ranks.push_back({rank, before, bin});
  };
  for (int64_t i = 0; i < many; ++i) {
    const double at = wanted[i] / 100 * double(finite - 1);
    find(int64_t(at));
    find(std::min(int64_t(at) + 1, finite - 1));
  }
  const std::vector<int64_t> lower = counted(slots * HALF, [&](uint32_t number) {
    const int64_t of = slot[number >> 16];
    return of < 0 ? of : of * HALF + int64_t(number & 0xffffu);
  });
  const auto value = [&](const Rank& rank) {
    int64_t place = slot[rank.bin] * HALF, before = rank.before;
    while (before + lower[place] <= rank.rank) before += lower[place++];
    return double(detail::from_ordered(uint32_t(rank.bin << 16 | place % HALF)));
  };
  for (int64_t i = 0; i < many; ++i) {
    const double at = wanted[i] / 100 * double(finite - 1), low = value(ranks[2 * i]), high = value(ranks[2 * i + 1]);
    out[i] = low + (high - low) * (at - std::floor(at));
  }
}

}  // namespace crucible
