// Python's view of the kernels. It validates, releases the GIL around the kernel alone, and never copies an array.
// One source, compiled once for each instruction set: the package loads the best that the processor has.
#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>

#include <stdexcept>

#include "cameras.hpp"
#include "components.hpp"
#include "distance.hpp"
#include "filters.hpp"
#include "frames.hpp"
#include "points.hpp"
#include "rays.hpp"
#include "resample.hpp"
#include "statistics.hpp"

#ifndef CRUCIBLE_MODULE
#define CRUCIBLE_MODULE _baseline
#endif

namespace nb = nanobind;
using namespace nb::literals;

namespace {

template <class T, int N>
using Array = nb::ndarray<T, nb::ndim<N>, nb::c_contig, nb::device::cpu>;
template <class T>
using AnyArray = nb::ndarray<T, nb::c_contig, nb::device::cpu>;
using Volume = Array<const float, 3>;
using Into = Array<float, 3>;

template <class A>
crucible::Shape shape_of(const A& array) {
  return {int64_t(array.shape(0)), int64_t(array.shape(1)), int64_t(array.shape(2))};
}

crucible::Grid grid_of(const Into& array) {
  return {array.data(), {int64_t(array.shape(0)), int64_t(array.shape(1)), int64_t(array.shape(2))}};
}

void expect(bool holds, const char* message) {
  if (!holds) throw std::invalid_argument(message);
}

// The package has said it better already; this keeps a kernel from running past an array, whoever calls it.
void expect_same(const crucible::Shape& a, const crucible::Shape& b) {
  expect(a.x == b.x && a.y == b.y && a.z == b.z, "out: expected the shape of the volume");
}

crucible::Edge edge_of(int edge) { return edge == 0 ? crucible::Edge::reflect : edge == 1 ? crucible::Edge::nearest : crucible::Edge::zero; }

// position 3, rotation 9, focal 2, centre 2, distortion 5.
crucible::Camera camera_of(const Array<const double, 1>& numbers) {
  expect(numbers.shape(0) == 21, "camera: expected 21 numbers");
  crucible::Camera camera;
  const double* from = numbers.data();
  for (double& value : camera.position) value = *from++;
  for (double& value : camera.rotation) value = *from++;
  for (double& value : camera.focal) value = *from++;
  for (double& value : camera.centre) value = *from++;
  for (double& value : camera.distortion) value = *from++;
  return camera;
}

crucible::Image image_of(const Array<const float, 2>& image) {
  return {image.data(), int64_t(image.shape(0)), int64_t(image.shape(1))};
}

crucible::Weight weight_of(bool by_length) { return by_length ? crucible::Weight::length : crucible::Weight::one; }

void add_rays(Into grid, AnyArray<const double> origins, Array<const double, 2> directions, Array<const float, 1> values,
              bool by_length, double fade, int64_t threads) {
  const int64_t count = int64_t(values.shape(0));
  const bool one_origin = origins.ndim() == 1 && origins.shape(0) == 3;
  const bool own_origins = origins.ndim() == 2 && int64_t(origins.shape(0)) == count && origins.shape(1) == 3;
  expect(one_origin || own_origins, "origins: expected shape (3,) or (number of values, 3)");
  expect(int64_t(directions.shape(0)) == count && directions.shape(1) == 3, "directions: expected shape (number of values, 3)");
  const crucible::Rays rays{origins.data(), directions.data(), values.data(), count, one_origin};
  const crucible::Grid voxels = grid_of(grid);
  nb::gil_scoped_release unlocked;
  crucible::add_rays(voxels, rays, weight_of(by_length), fade, threads);
}

void add_image(Into grid, Array<const float, 2> image, Array<const double, 1> camera, bool by_length, double fade, int64_t threads) {
  const auto seen_by = camera_of(camera);
  const auto pixels = image_of(image);
  const auto voxels = grid_of(grid);
  nb::gil_scoped_release unlocked;
  crucible::add_image(voxels, pixels, seen_by, weight_of(by_length), fade, threads);
}

void carve(Into grid, Array<const float, 2> image, Array<const double, 1> camera, bool outside, int64_t threads) {
  const auto seen_by = camera_of(camera);
  const auto pixels = image_of(image);
  const auto voxels = grid_of(grid);
  nb::gil_scoped_release unlocked;
  crucible::carve(voxels, pixels, seen_by, outside, threads);
}

template <class Pixel>
void motion_mask(AnyArray<const Pixel> before, AnyArray<const Pixel> current, AnyArray<float> out, nb::object background,
                 float threshold, float rate, int64_t threads) {
  const int64_t count = int64_t(out.size());
  expect(int64_t(before.size()) == count && int64_t(current.size()) == count, "out: expected the shape of the frames");
  float* learned = nullptr;
  if (!background.is_none()) {
    const auto array = nb::cast<AnyArray<float>>(background, false);
    expect(int64_t(array.size()) == count, "background: expected the shape of the frames");
    learned = array.data();
  }
  nb::gil_scoped_release unlocked;
  crucible::motion_mask(before.data(), current.data(), out.data(), learned, count, threshold, rate, threads);
}

template <class Pixel>
void stack_images(Array<const Pixel, 3> images, Into out, float scale, float offset, int64_t threads) {
  expect(images.shape(0) > 0 && images.shape(1) == out.shape(1) && images.shape(2) == out.shape(2), "out: expected planes of the images' size");
  nb::gil_scoped_release unlocked;
  crucible::stack_images(images.data(), int64_t(images.shape(0)), out.data(), int64_t(out.shape(0)),
                         int64_t(out.shape(1) * out.shape(2)), scale, offset, threads);
}

void add_points(Into grid, Array<const double, 2> points, nb::object values, bool shared, int64_t threads) {
  expect(points.shape(1) == 3, "points: expected shape (number of points, 3)");
  const float* each = nullptr;
  if (!values.is_none()) {
    const auto array = nb::cast<Array<const float, 1>>(values, false);
    expect(array.shape(0) == points.shape(0), "values: expected one for each point");
    each = array.data();
  }
  const auto voxels = grid_of(grid);
  nb::gil_scoped_release unlocked;
  crucible::add_points(voxels, points.data(), each, int64_t(points.shape(0)), shared, threads);
}

void box_filter(Volume in, Into out, int64_t rx, int64_t ry, int64_t rz, int edge, int64_t threads) {
  expect_same(shape_of(in), shape_of(out));
  const int64_t radius[3] = {rx, ry, rz};
  nb::gil_scoped_release unlocked;
  crucible::box_filter(in.data(), out.data(), shape_of(in), radius, edge_of(edge), threads);
}

void gaussian_filter(Volume in, Into out, double sx, double sy, double sz, double truncate, int edge, int64_t threads) {
  expect_same(shape_of(in), shape_of(out));
  const double sigma[3] = {sx, sy, sz};
  nb::gil_scoped_release unlocked;
  crucible::gaussian_filter(in.data(), out.data(), shape_of(in), sigma, truncate, edge_of(edge), threads);
}

void convolve(Volume in, Volume kernel, Into out, int edge, int64_t threads) {
  expect_same(shape_of(in), shape_of(out));
  const auto size = shape_of(kernel);
  expect(size.x % 2 == 1 && size.y % 2 == 1 && size.z % 2 == 1, "kernel: expected odd lengths");
  nb::gil_scoped_release unlocked;
  crucible::convolve(in.data(), kernel.data(), out.data(), shape_of(in), size, edge_of(edge), threads);
}

void extreme_box(Volume in, Into out, int64_t radius, bool least, int64_t threads) {
  expect_same(shape_of(in), shape_of(out));
  const int64_t radii[3] = {radius, radius, radius};
  nb::gil_scoped_release unlocked;
  crucible::extreme_box(in.data(), out.data(), shape_of(in), radii, least, threads);
}

void extreme_cross(Volume in, Into out, bool least, int64_t threads) {
  expect_same(shape_of(in), shape_of(out));
  nb::gil_scoped_release unlocked;
  crucible::extreme_cross(in.data(), out.data(), shape_of(in), least, threads);
}

void spline_coefficients(Into volume, int64_t threads) {
  nb::gil_scoped_release unlocked;
  crucible::spline_coefficients(volume.data(), shape_of(volume), threads);
}

void resample(Volume in, Into out, Array<const double, 2> matrix, Array<const double, 1> offset, int order, float outside, int64_t threads) {
  expect(matrix.shape(0) == 3 && matrix.shape(1) == 3 && offset.shape(0) == 3, "matrix: expected shape (3, 3), and three offsets");
  crucible::Affine affine;
  std::copy(matrix.data(), matrix.data() + 9, affine.matrix);
  std::copy(offset.data(), offset.data() + 3, affine.offset);
  nb::gil_scoped_release unlocked;
  crucible::resample(in.data(), shape_of(in), out.data(), shape_of(out), affine, order, outside, threads);
}

void distance_transform(Volume in, Into out, double sx, double sy, double sz, int64_t threads) {
  expect_same(shape_of(in), shape_of(out));
  const double spacing[3] = {sx, sy, sz};
  nb::gil_scoped_release unlocked;
  crucible::distance_transform(in.data(), out.data(), shape_of(in), spacing, threads);
}

int64_t label_components(Volume in, Array<int32_t, 3> out, int neighbours, int64_t threads) {
  expect_same(shape_of(in), shape_of(out));
  nb::gil_scoped_release unlocked;
  return crucible::label_components(in.data(), out.data(), shape_of(in), neighbours, threads);
}

nb::tuple statistics(AnyArray<const float> values, int64_t threads) {
  crucible::Statistics of;
  {
    nb::gil_scoped_release unlocked;
    of = crucible::statistics(values.data(), int64_t(values.size()), threads);
  }
  return nb::make_tuple(of.finite, of.nonzero, of.least, of.most, of.sum, of.mean, of.deviation);
}

void percentiles(AnyArray<const float> values, Array<const double, 1> wanted, Array<double, 1> out, int64_t threads) {
  expect(wanted.shape(0) == out.shape(0), "out: expected a place for each percentile");
  nb::gil_scoped_release unlocked;
  crucible::percentiles(values.data(), int64_t(values.size()), wanted.data(), out.data(), int64_t(out.shape(0)), threads);
}

// The instruction sets that this processor has, of those that the package is compiled for.
const char* best_level() {
#if defined(__x86_64__)
  if (__builtin_cpu_supports("x86-64-v4")) return "avx512";
  if (__builtin_cpu_supports("x86-64-v3")) return "avx2";
#endif
  return "baseline";
}

}  // namespace

NB_MODULE(CRUCIBLE_MODULE, module) {
  const auto no = [](const char* name) { return nb::arg(name).noconvert(); };
  module.def("best_level", &best_level);
  module.def("add_rays", &add_rays, no("grid"), no("origins"), no("directions"), no("values"), "by_length"_a, "fade"_a, "threads"_a);
  module.def("add_image", &add_image, no("grid"), no("image"), no("camera"), "by_length"_a, "fade"_a, "threads"_a);
  module.def("carve", &carve, no("grid"), no("silhouette"), no("camera"), "outside"_a, "threads"_a);
  const auto of_pixels = [&](auto pixel) {
    using Pixel = decltype(pixel);
    module.def("motion_mask", &motion_mask<Pixel>, no("before"), no("current"), no("out"), nb::arg("background").none(),
               "threshold"_a, "rate"_a, "threads"_a);
    module.def("stack_images", &stack_images<Pixel>, no("images"), no("out"), "scale"_a, "offset"_a, "threads"_a);
  };
  of_pixels(uint8_t{});
  of_pixels(uint16_t{});
  of_pixels(float{});
  module.def("add_points", &add_points, no("grid"), no("points"), nb::arg("values").none(), "shared"_a, "threads"_a);
  module.def("box_filter", &box_filter, no("volume"), no("out"), "rx"_a, "ry"_a, "rz"_a, "edge"_a, "threads"_a);
  module.def("gaussian_filter", &gaussian_filter, no("volume"), no("out"), "sx"_a, "sy"_a, "sz"_a, "truncate"_a, "edge"_a, "threads"_a);
  module.def("convolve", &convolve, no("volume"), no("kernel"), no("out"), "edge"_a, "threads"_a);
  module.def("extreme_box", &extreme_box, no("volume"), no("out"), "radius"_a, "least"_a, "threads"_a);
  module.def("extreme_cross", &extreme_cross, no("volume"), no("out"), "least"_a, "threads"_a);
  module.def("spline_coefficients", &spline_coefficients, no("volume"), "threads"_a);
  module.def("resample", &resample, no("volume"), no("out"), no("matrix"), no("offset"), "order"_a, "outside"_a, "threads"_a);
  module.def("distance_transform", &distance_transform, no("volume"), no("out"), "sx"_a, "sy"_a, "sz"_a, "threads"_a);
  module.def("label_components", &label_components, no("volume"), no("out"), "neighbours"_a, "threads"_a);
  module.def("statistics", &statistics, no("values"), "threads"_a);
  module.def("percentiles", &percentiles, no("values"), no("wanted"), no("out"), "threads"_a);
}
