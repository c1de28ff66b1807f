// Python's view of the kernels. It validates, releases the GIL around the kernel alone, and never copies an array.
#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>

#include <stdexcept>

#include "rays.hpp"

namespace nb = nanobind;
using namespace nb::literals;

namespace {

template <class T, int N>
using Array = nb::ndarray<T, nb::ndim<N>, nb::c_contig, nb::device::cpu>;

int64_t add_rays(Array<float, 3> grid, nb::ndarray<const double, nb::c_contig, nb::device::cpu> origins,
                 Array<const double, 2> directions, Array<const float, 1> values, bool by_length, int64_t threads) {
  const int64_t count = int64_t(values.shape(0));
  const bool one_origin = origins.ndim() == 1 && origins.shape(0) == 3;
  const bool own_origins = origins.ndim() == 2 && int64_t(origins.shape(0)) == count && origins.shape(1) == 3;
  if (!one_origin && !own_origins) throw std::invalid_argument("origins: expected shape (3,) or (number of values, 3)");
  if (int64_t(directions.shape(0)) != count || directions.shape(1) != 3)
    throw std::invalid_argument("directions: expected shape (number of values, 3)");

  const crucible::Rays rays{origins.data(), directions.data(), values.data(), count, one_origin};
  const crucible::Grid voxels{grid.data(), {int64_t(grid.shape(0)), int64_t(grid.shape(1)), int64_t(grid.shape(2))}};
  const auto weight = by_length ? crucible::Weight::length : crucible::Weight::one;
  nb::gil_scoped_release unlocked;
  return crucible::add_rays(voxels, rays, weight, threads);
}

}  // namespace

NB_MODULE(_kernels, module) {
  module.def("add_rays", &add_rays, "grid"_a.noconvert(), "origins"_a.noconvert(), "directions"_a.noconvert(),
             "values"_a.noconvert(), "by_length"_a, "threads"_a);
}
