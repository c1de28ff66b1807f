// Python's numbers and NumPy's arrays, as far as translated functions need them. Knows nothing of Python itself.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <initializer_list>
#include <limits>
#include <memory>
#include <new>
#include <stdexcept>
#include <string>
#include <thread>
#include <tuple>
#include <utility>
#include <vector>

namespace py {

// Python rounds towards minus infinity, C++ towards zero; the remainder has the sign of the divisor.
inline int64_t floor_div(int64_t a, int64_t b) {
  if (b == 0) throw std::domain_error("integer division or modulo by zero");
  if (b == -1) return -a;
  const int64_t quotient = a / b;
  return quotient - ((a % b != 0) && ((a < 0) != (b < 0)));
}

inline int64_t mod(int64_t a, int64_t b) {
  if (b == 0) throw std::domain_error("integer division or modulo by zero");
  if (b == -1) return 0;
  const int64_t rest = a % b;
  return rest != 0 && ((rest < 0) != (b < 0)) ? rest + b : rest;
}

template <class Float>
Float mod(Float a, Float b) {
  const Float rest = std::fmod(a, b);
  if (rest == 0) return std::copysign(Float(0), b);
  return (rest < 0) != (b < 0) ? rest + b : rest;
}

template <class Float>
Float floor_div(Float a, Float b) {
  const Float exact = (a - mod(a, b)) / b;
  const Float whole = std::floor(exact);
  return exact - whole > Float(0.5) ? whole + 1 : whole;
}

inline int64_t power(int64_t base, int64_t exponent) {
  int64_t result = 1;
  for (; exponent > 0; exponent >>= 1, base *= base)
    if (exponent & 1) result *= base;
  return result;
}

// min(a, b) and max(a, b) give the first where neither is smaller, as Python does with NaN.
template <class T>
T min(T a, T b) { return b < a ? b : a; }
template <class T>
T max(T a, T b) { return b > a ? b : a; }
template <class T, class... More>
T min(T a, T b, More... more) { return min(min(a, b), more...); }
template <class T, class... More>
T max(T a, T b, More... more) { return max(max(a, b), more...); }

// A negative index counts from the end.
inline int64_t wrap(int64_t index, int64_t length) { return index < 0 ? index + length : index; }

// A block of numbers in C order. `owner` is null for rows of another array and for the caller's arguments.
template <class T, int N>
struct Array {
  T* data = nullptr;
  int64_t shape[N] = {};
  std::shared_ptr<void> owner;

  int64_t size() const {
    int64_t product = 1;
    for (const int64_t length : shape) product *= length;
    return product;
  }

  template <class... Index>
  T& operator()(Index... index) const {
    static_assert(sizeof...(Index) == N);
    int64_t offset = 0;
    int axis = 0;
    ((offset = offset * shape[axis++] + index), ...);
    return data[offset];
  }

  // The part with these first indices, without a copy.
  template <class... Index>
  auto row(Index... index) const {
    constexpr int rest = N - int(sizeof...(Index));
    Array<T, rest> part;
    int64_t offset = 0;
    int axis = 0;
    ((offset = offset * shape[axis++] + index), ...);
    for (; axis < N; ++axis) {
      part.shape[axis - (N - rest)] = shape[axis];
      offset *= shape[axis];
    }
    part.data = data + offset;
    return part;
  }

  void fill(T value) const { std::fill_n(data, size(), value); }
};

template <class T, int N>
void set_shape(Array<T, N>& array, std::initializer_list<int64_t> shape) {
  int axis = 0;
  for (const int64_t length : shape) {
    if (length < 0) throw std::invalid_argument("negative dimensions are not allowed");
    array.shape[axis++] = length;
  }
}

// Zero pages come from the system untouched; clearing them again would cost as much as many a kernel.
template <class T, int N>
Array<T, N> zeros(std::initializer_list<int64_t> shape) {
  Array<T, N> array;
  set_shape(array, shape);
  void* memory = std::calloc(std::max<int64_t>(array.size(), 1), sizeof(T));
  if (memory == nullptr) throw std::bad_alloc();
  array.owner = std::shared_ptr<void>(memory, std::free);
  array.data = static_cast<T*>(memory);
  return array;
}

template <class T, int N>
Array<T, N> zeros_like(const int64_t (&shape)[N]) {
  Array<T, N> array;
  for (int axis = 0; axis < N; ++axis) array.shape[axis] = shape[axis];
  void* memory = std::calloc(std::max<int64_t>(array.size(), 1), sizeof(T));
  if (memory == nullptr) throw std::bad_alloc();
  array.owner = std::shared_ptr<void>(memory, std::free);
  array.data = static_cast<T*>(memory);
  return array;
}

template <class T, int N>
Array<T, N> full(std::initializer_list<int64_t> shape, T value) {
  const auto array = zeros<T, N>(shape);
  array.fill(value);
  return array;
}

template <class T>
Array<T, 1> array_of(std::initializer_list<T> values) {
  const auto array = zeros<T, 1>({int64_t(values.size())});
  std::copy(values.begin(), values.end(), array.data);
  return array;
}

template <class T, int N>
Array<std::remove_const_t<T>, N> copy(const Array<T, N>& from) {
  const auto array = zeros_like<std::remove_const_t<T>, N>(from.shape);
  std::copy_n(from.data, from.size(), array.data);
  return array;
}

// At most CRUCIBLE_CORES threads, one where it is not set.
inline int64_t threads() {
  const char* cores = std::getenv("CRUCIBLE_CORES");
  return std::clamp<int64_t>(cores == nullptr ? 1 : std::atoll(cores), 1, 256);
}

// Calls body(thread, first, last) for consecutive parts of start..stop; the first exception is thrown here.
template <class Body>
void share_out(int64_t start, int64_t stop, int64_t threads, const Body& body) {
  const int64_t turns = std::max<int64_t>(stop - start, 0);
  std::vector<std::exception_ptr> failures(threads);
  const auto part = [&](int64_t thread) {
    try {
      body(thread, start + turns * thread / threads, start + turns * (thread + 1) / threads);
    } catch (...) {
      failures[thread] = std::current_exception();
    }
  };
  std::vector<std::thread> others;
  for (int64_t thread = 1; thread < threads; ++thread) others.emplace_back(part, thread);
  part(0);
  for (auto& other : others) other.join();
  for (const auto& failure : failures)
    if (failure) std::rethrow_exception(failure);
}

// One array for each thread to add into: the first adds into the array itself, the others into zeros.
template <class T, int N>
struct Parts {
  Array<T, N> whole;
  std::vector<Array<T, N>> others;

  Parts(const Array<T, N>& array, int64_t threads) : whole(array) {
    for (int64_t thread = 1; thread < threads; ++thread) others.push_back(zeros_like<T, N>(array.shape));
  }

  const Array<T, N>& of(int64_t thread) const { return thread == 0 ? whole : others[thread - 1]; }

  void add_up() const {
    share_out(0, whole.size(), int64_t(others.size()) + 1, [&](int64_t, int64_t first, int64_t last) {
      for (const auto& part : others)
        for (int64_t i = first; i < last; ++i) whole.data[i] += part.data[i];
    });
  }
};

}  // namespace py
