// Posed cameras: rays of their pixels, and volumes carved by their silhouettes. Knows nothing of Python.
#pragma once

#include <cmath>

#include "rays.hpp"

namespace crucible {

// A camera in voxels. The columns of `rotation` (row by row) point right, down and ahead; lens distortion is that of
// Brown and Conrady, k1 k2 p1 p2 k3. The middle of the first pixel lies at (0.5, 0.5).
struct Camera {
  double position[3], rotation[9];
  double focal[2], centre[2];
  double distortion[5];
};

struct Image {
  const float* values;
  int64_t height, width;
};

namespace detail {

inline bool distorts(const Camera& camera) {
  for (const double k : camera.distortion)
    if (k != 0) return true;
  return false;
}

// Where the lens puts what a pinhole would show at (x, y), both in focal lengths.
inline void distort(const double (&k)[5], double x, double y, double& u, double& v) {
  const double r = x * x + y * y, radial = 1 + r * (k[0] + r * (k[1] + r * k[4]));
  u = x * radial + 2 * k[2] * x * y + k[3] * (r + 2 * x * x);
  v = y * radial + k[2] * (r + 2 * y * y) + 2 * k[3] * x * y;
}

// The other way, by steps that each take away what the last one missed.
inline void undistort(const double (&k)[5], double u, double v, double& x, double& y) {
  x = u;
  y = v;
  for (int step = 0; step < 25; ++step) {
    double a, b;
    distort(k, x, y, a, b);
    x += u - a;
    y += v - b;
  }
}

constexpr int64_t TILE = 16;

}  // namespace detail

// The rays of all pixels whose value is not zero: directions of length 1, in tiles of 16 by 16 pixels, so that rays that follow
// each other cross the same voxels while those are in the cache.
inline void pixel_rays(const Image& image, const Camera& camera, std::vector<double>& directions, std::vector<float>& values) {
  using detail::TILE;
  const bool distorted = detail::distorts(camera);
  const double* r = camera.rotation;
  for (int64_t top = 0; top < image.height; top += TILE)
    for (int64_t left = 0; left < image.width; left += TILE)
      for (int64_t v = top; v < std::min(image.height, top + TILE); ++v)
        for (int64_t u = left; u < std::min(image.width, left + TILE); ++u) {
          const float value = image.values[v * image.width + u];
          if (!(value != 0)) continue;
          double x = (double(u) + 0.5 - camera.centre[0]) / camera.focal[0];
          double y = (double(v) + 0.5 - camera.centre[1]) / camera.focal[1];
          if (distorted) detail::undistort(camera.distortion, x, y, x, y);
          const double scale = 1 / std::sqrt(x * x + y * y + 1);
          for (int axis = 0; axis < 3; ++axis)
            directions.push_back((r[3 * axis] * x + r[3 * axis + 1] * y + r[3 * axis + 2]) * scale);
          values.push_back(value);
        }
}

// Adds every pixel's value to the voxels that its ray crosses, as add_rays does.
inline void add_image(const Grid& grid, const Image& image, const Camera& camera, Weight weight, double fade, int64_t threads) {
  std::vector<double> directions;
  std::vector<float> values;
  pixel_rays(image, camera, directions, values);
  add_rays(grid, {camera.position, directions.data(), values.data(), int64_t(values.size()), true}, weight, fade, threads);
}

// Sets to zero every voxel whose centre the camera sees where the silhouette is zero. What lies outside the image or behind the
// camera stays, or goes as well where `outside` says so.
inline void carve(const Grid& grid, const Image& silhouette, const Camera& camera, bool outside, int64_t threads) {
  const bool distorted = detail::distorts(camera);
  const double* r = camera.rotation;
  in_parallel(threads, grid.shape[0], [&](int64_t first, int64_t last) {
    for (int64_t i = first; i < last; ++i)
      for (int64_t j = 0; j < grid.shape[1]; ++j) {
        float* const row = grid.values + (i * grid.shape[1] + j) * grid.shape[2];
        const double dx = double(i) + 0.5 - camera.position[0], dy = double(j) + 0.5 - camera.position[1];
        double base[3];
        for (int axis = 0; axis < 3; ++axis) base[axis] = r[axis] * dx + r[3 + axis] * dy;
        for (int64_t k = 0; k < grid.shape[2]; ++k) {
          const double dz = double(k) + 0.5 - camera.position[2], ahead = base[2] + r[8] * dz;
          double x = (base[0] + r[6] * dz) / ahead, y = (base[1] + r[7] * dz) / ahead;
          if (distorted) {
            double a, b;
            detail::distort(camera.distortion, x, y, a, b);
            x = a;
            y = b;
          }
          const double u = x * camera.focal[0] + camera.centre[0], v = y * camera.focal[1] + camera.centre[1];
          const bool seen = ahead > 0 && u >= 0 && v >= 0 && u < double(silhouette.width) && v < double(silhouette.height);
          const bool goes = seen ? silhouette.values[int64_t(v) * silhouette.width + int64_t(u)] == 0 : outside;
          if (goes) row[k] = 0;
        }
      }
  });
}

}  // namespace crucible
