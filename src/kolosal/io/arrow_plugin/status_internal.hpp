#pragma once

#include <arrow/status.h>

#include <algorithm>
#include <cstring>
#include <exception>
#include <new>
#include <string>
#include <string_view>

#include "kolosal/io/arrow_plugin/arrow_plugin.hpp"

#define KOLOSAL_ARROW_EXPORT __attribute__((visibility("default")))

namespace kolosal_arrow {

inline int fail(int status, std::string_view text, KolosalArrowError* error) {
  const std::size_t n = std::min(text.size(), sizeof(error->text) - 1);
  std::memcpy(error->text, text.data(), n);
  error->text[n] = 0;
  return status;
}

inline int finish(const arrow::Status& status, KolosalArrowError* error) {
  if (status.ok()) return kKolosalArrowOk;
  const int code = status.IsIOError()          ? kKolosalArrowIo
                   : status.IsOutOfMemory()    ? kKolosalArrowMemory
                   : status.IsNotImplemented() ? kKolosalArrowUnsupported
                                               : kKolosalArrowData;
  std::string text = status.message();
  if (status.detail())
    text += " (" + status.detail()->ToString() + ")";  // "[errno 28] No space left on device"
  return fail(code, text, error);
}

/// Runs a function that returns arrow::Status and may throw; nothing is thrown across the border.
template <typename Body>
int guarded(KolosalArrowError* error, Body&& body) noexcept {
  try {
    return finish(body(), error);
  } catch (const std::bad_alloc&) {
    return fail(kKolosalArrowMemory, "out of memory", error);
  } catch (const std::exception& e) {
    return fail(kKolosalArrowData, e.what(), error);
  }
}

}  // namespace kolosal_arrow
