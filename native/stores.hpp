// Writing results past the cache, for volumes that do not fit it. Knows nothing of Python.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <vector>

#if defined(__SSE2__)
#include <immintrin.h>
#endif

namespace crucible {

// Bytes from which on a volume is written past the cache: a store that fetches the line first costs half as much again.
constexpr int64_t STREAMED_BYTES = 16 << 20;

// Floats of one line of the cache.
constexpr int64_t LINE = 16;

// Floats that are worked out in the nearest cache before they are written.
constexpr int64_t CHUNK = 1024;

// Where a float is, counted in floats.
inline int64_t place_of(const float* of) { return int64_t(reinterpret_cast<uintptr_t>(of) / sizeof(float)); }

// Asks for `count` floats that will be read soon.
inline void fetch(const float* from, int64_t count) {
  for (int64_t i = 0; i < count; i += LINE) __builtin_prefetch(from + i);
}

// Copies whole lines of the cache, `count` floats, to `out` without fetching what was there; both begin at a line.
inline void stream(const float* from, float* out, int64_t count) {
#if defined(__AVX512F__)
  for (int64_t i = 0; i < count; i += 16) _mm512_stream_ps(out + i, _mm512_load_ps(from + i));
#elif defined(__AVX__)
  for (int64_t i = 0; i < count; i += 8) _mm256_stream_ps(out + i, _mm256_load_ps(from + i));
#elif defined(__SSE2__)
  for (int64_t i = 0; i < count; i += 4) _mm_stream_ps(out + i, _mm_load_ps(from + i));
#else
  std::memcpy(out, from, count * sizeof(float));
#endif
}

// Makes what was streamed visible to other threads.
inline void finish_stores() {
#if defined(__SSE2__)
  _mm_sfence();
#endif
}

// Calls fill(first, last, into) for parts of 0..count and writes what each put into `into`: past the cache where `streamed`.
template <class Fill>
void write(float* out, int64_t count, bool streamed, const Fill& fill) {
  if (!streamed) return fill(0, count, out);
  alignas(64) float made[CHUNK];
  const int64_t begin = std::min(count, -place_of(out) & (LINE - 1));
  const int64_t end = begin + (count - begin) / LINE * LINE;
  if (begin > 0) fill(0, begin, out);
  for (int64_t first = begin; first < end; first += CHUNK) {
    const int64_t last = std::min(end, first + CHUNK);
    fill(first, last, made);
    stream(made, out + first, last - first);
  }
  if (end < count) fill(end, count, out + end);
}

// Where values are worked out before they are written past the cache; or nothing between them and where they go.
class Staged {
 public:
  Staged(bool streamed, int64_t most) : streamed_(streamed), made_(streamed ? most + 2 * LINE : 0) {}

  // Where to put what goes to `out`: as far into a line of the cache as `out` is.
  float* place(float* out) {
    if (!streamed_) return out;
    float* const line = made_.data() + (-place_of(made_.data()) & (LINE - 1));
    return line + (place_of(out) & (LINE - 1));
  }

  // Writes the `count` floats at place(out).
  void write(float* out, int64_t count) {
    if (!streamed_) return;
    const float* const from = place(out);
    const int64_t begin = std::min(count, -place_of(out) & (LINE - 1)), whole = (count - begin) / LINE * LINE;
    std::copy(from, from + begin, out);
    stream(from + begin, out + begin, whole);
    std::copy(from + begin + whole, from + count, out + begin + whole);
  }

 private:
  const bool streamed_;
  std::vector<float> made_;
};

}  // namespace crucible
