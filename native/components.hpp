// Connected components of a volume. Knows nothing of Python.
#pragma once

#include <cstdlib>

#include "parallel.hpp"

namespace crucible {

namespace detail {

// A stretch of a row without a zero.
struct Run {
  int32_t first, last;
  int64_t parent;
};

inline int64_t root(std::vector<Run>& runs, int64_t run) {
  while (runs[run].parent != run) run = runs[run].parent = runs[runs[run].parent].parent;
  return run;
}

// Joins runs of two rows that touch; `reach` is 1 where corners count.
inline void join_rows(std::vector<Run>& runs, int64_t a, int64_t a_end, int64_t b, int64_t b_end, int reach) {
  while (a < a_end && b < b_end) {
    if (runs[a].first < runs[b].last + reach && runs[b].first < runs[a].last + reach) {
      const int64_t one = root(runs, a), two = root(runs, b);
      runs[std::max(one, two)].parent = std::min(one, two);
    }
    if (runs[a].last < runs[b].last) ++a;
    else ++b;
  }
}

}  // namespace detail

// Fills `out` with 0 where the volume is 0 or not a number, else with the number of its component, from 1 in the order of their
// first voxels. Voxels touch by faces (6 neighbours), also by edges (18), or also by corners (26). Returns how many there are.
inline int64_t label_components(const float* in, int32_t* out, Shape shape, int neighbours, int64_t threads) {
  using detail::Run;
  const int64_t nz = shape.z, rows = shape.x * shape.y;
  const auto filled = [](float value) { return value < 0 || value > 0; };
  // Each thread finds the runs of its rows; then they stand one behind the other, as if one had found them all.
  const int64_t parts = std::clamp<int64_t>(threads, 1, std::max<int64_t>(shape.x, 1));
  std::vector<std::vector<Run>> found(parts);
  std::vector<int64_t> begin(rows + 1, 0);
  in_parallel(parts, parts, [&](int64_t part, int64_t) {
    for (int64_t row = shape.x * part / parts * shape.y; row < shape.x * (part + 1) / parts * shape.y; ++row) {
      const float* line = in + row * nz;
      for (int64_t z = 0; z < nz;) {
        while (z < nz && !filled(line[z])) ++z;
        if (z == nz) break;
        const int64_t first = z;
        while (z < nz && filled(line[z])) ++z;
        found[part].push_back({int32_t(first), int32_t(z), 0});
        ++begin[row + 1];
      }
    }
  });
  std::vector<Run> runs;
  for (auto& part : found) {
    runs.insert(runs.end(), part.begin(), part.end());
    part = {};
  }
  for (int64_t row = 0; row < rows; ++row) begin[row + 1] += begin[row];
  for (int64_t run = 0; run < int64_t(runs.size()); ++run) runs[run].parent = run;

  for (int64_t x = 0; x < shape.x; ++x)
    for (int64_t y = 0; y < shape.y; ++y) {
      const int64_t row = x * shape.y + y;
      // The rows before this one that touch it.
      const int64_t near[4][2] = {{0, -1}, {-1, 0}, {-1, -1}, {-1, 1}};
      for (const auto& [dx, dy] : near) {
        const bool diagonal = dx != 0 && dy != 0;
        if (x + dx < 0 || y + dy < 0 || y + dy >= shape.y || (diagonal && neighbours == 6)) continue;
        const int reach = diagonal ? (neighbours == 26 ? 1 : 0) : (neighbours >= 18 ? 1 : 0);
        const int64_t other = row + dx * shape.y + dy;
        detail::join_rows(runs, begin[other], begin[other + 1], begin[row], begin[row + 1], reach);
      }
    }

  // A root is the first run of its component, so numbers follow from the order of runs.
  int64_t count = 0;
  std::vector<int32_t> number(runs.size());
  for (int64_t run = 0; run < int64_t(runs.size()); ++run) {
    const int64_t of = detail::root(runs, run);
    number[run] = of == run ? int32_t(++count) : number[of];
  }
  in_parallel(threads, rows, [&](int64_t first, int64_t last) {
    for (int64_t row = first; row < last; ++row) {
      int32_t* line = out + row * nz;
      std::fill(line, line + nz, 0);
      for (int64_t run = begin[row]; run < begin[row + 1]; ++run) std::fill(line + runs[run].first, line + runs[run].last, number[run]);
    }
  });
  return count;
}

}  // namespace crucible
