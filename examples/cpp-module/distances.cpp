#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>

#include <cmath>
#include <memory>
#include <stdexcept>

namespace nb = nanobind;
using Points = nb::ndarray<const double, nb::ndim<2>, nb::c_contig, nb::device::cpu>;

namespace kernels {

/** Writes the distance of each of `n` points to each of `m`, all of `width` numbers, into `into`. */
void pairwise(const double* a, const double* b, double* into, std::size_t n, std::size_t m, std::size_t width) {
    for (std::size_t i = 0; i < n; ++i)
        for (std::size_t j = 0; j < m; ++j) {
            double sum = 0.0;
            for (std::size_t k = 0; k < width; ++k) {
                const double difference = a[i * width + k] - b[j * width + k];
                sum += difference * difference;
            }
            into[i * m + j] = std::sqrt(sum);
        }
}

}  // namespace kernels

nb::ndarray<nb::numpy, double, nb::ndim<2>> pairwise(Points a, Points b) {
    if (a.shape(1) != b.shape(1)) throw std::invalid_argument("a and b must be points of equal width");
    const std::size_t n = a.shape(0), m = b.shape(0), width = a.shape(1);
    auto memory = std::make_unique<double[]>(n * m);
    {
        nb::gil_scoped_release unlocked;
        kernels::pairwise(a.data(), b.data(), memory.get(), n, m, width);
    }
    double* into = memory.get();
    nb::capsule owner(memory.release(), [](void* given) noexcept { delete[] static_cast<double*>(given); });
    return nb::ndarray<nb::numpy, double, nb::ndim<2>>(into, {n, m}, owner);
}

NB_MODULE(distances, m) {
    m.def("pairwise", &pairwise, nb::arg("a").noconvert(), nb::arg("b").noconvert(),
          "float64[n, m]: the distance of each point of a, float64[n, d], to each of b, float64[m, d].");
}
