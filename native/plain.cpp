// What the kernels are measured against: plain loops as programs of this kind have them. Not a part of the package.
#include <cmath>
#include <cstdint>
#include <vector>

struct Step {
  int x, y, z;
  float length;
};

// Amanatides and Woo as it is commonly written: the steps of a ray are collected, then added.
extern "C" void plain_rays(float* grid, int n, const double* origins, const double* directions, const float* values, int64_t count) {
  for (int64_t ray = 0; ray < count; ++ray) {
    const double *o = origins + 3 * ray, *given = directions + 3 * ray;
    const double norm = std::sqrt(given[0] * given[0] + given[1] * given[1] + given[2] * given[2]);
    double d[3], in = 0, out = 1e300;
    for (int axis = 0; axis < 3; ++axis) {
      d[axis] = given[axis] / norm;
      const double a = (0 - o[axis]) / d[axis], b = (n - o[axis]) / d[axis];
      in = std::fmax(in, std::fmin(a, b));
      out = std::fmin(out, std::fmax(a, b));
    }
    if (in >= out) continue;
    std::vector<Step> steps;
    int at[3], step[3];
    double next[3], delta[3];
    for (int axis = 0; axis < 3; ++axis) {
      const double place = o[axis] + d[axis] * in;
      at[axis] = int(std::floor(place));
      if (at[axis] >= n) at[axis] = n - 1;
      if (at[axis] < 0) at[axis] = 0;
      step[axis] = d[axis] >= 0 ? 1 : -1;
      next[axis] = d[axis] != 0 ? (at[axis] + (d[axis] >= 0) - o[axis]) / d[axis] : 1e300;
      delta[axis] = d[axis] != 0 ? std::fabs(1 / d[axis]) : 1e300;
    }
    double t = in;
    while (at[0] >= 0 && at[0] < n && at[1] >= 0 && at[1] < n && at[2] >= 0 && at[2] < n && t < out) {
      const int axis = next[0] < next[1] ? (next[0] < next[2] ? 0 : 2) : (next[1] < next[2] ? 1 : 2);
      const double to = std::fmin(next[axis], out);
      steps.push_back({at[0], at[1], at[2], float(to - t)});
      t = next[axis];
      next[axis] += delta[axis];
      at[axis] += step[axis];
    }
    for (const Step& each : steps) grid[(int64_t(each.x) * n + each.y) * n + each.z] += values[ray] * each.length;
  }
}

// The mean of 27 voxels, borders left out.
extern "C" void plain_box(const float* in, float* out, int n) {
  for (int x = 1; x < n - 1; ++x)
    for (int y = 1; y < n - 1; ++y)
      for (int z = 1; z < n - 1; ++z) {
        float sum = 0;
        for (int i = -1; i <= 1; ++i)
          for (int j = -1; j <= 1; ++j)
            for (int k = -1; k <= 1; ++k) sum += in[(int64_t(x + i) * n + y + j) * n + z + k];
        out[(int64_t(x) * n + y) * n + z] = sum / 27;
      }
}

// What the machine gives: a copy, for its bandwidth.
extern "C" void plain_copy(const float* in, float* out, int64_t count) {
  for (int64_t i = 0; i < count; ++i) out[i] = in[i] + 1;
}
