#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <string>
#include <tuple>

#include "kolosal/core/error.hpp"

namespace kolosal {

/// For Pointwise: |got - want| <= tolerance * max(1, |want|); NaN equals NaN, an infinity equals itself.
///
///   EXPECT_THAT(got, Pointwise(NanSensitiveDoubleNear(1e-9), want));
MATCHER_P(NanSensitiveDoubleNear, tolerance,
          (negation ? "differs by more than " : "is within ") + ::testing::PrintToString(tolerance)) {
  const double got = static_cast<double>(std::get<0>(arg));
  const double want = static_cast<double>(std::get<1>(arg));
  if (std::isnan(got) || std::isnan(want)) return std::isnan(got) && std::isnan(want);
  if (got == want) return true;
  if (std::isinf(got) || std::isinf(want)) return false;
  *result_listener << "differs by " << std::abs(got - want);
  return std::abs(got - want) <= tolerance * std::max(1.0, std::abs(want));
}

/// Runs a statement and matches the Error it must throw: EXPECT_ERROR(read("x"), kNotFound, HasSubstr("x")).
#define EXPECT_ERROR(statement, error_code, message_matcher)              \
  do {                                                                    \
    try {                                                                 \
      static_cast<void>(statement);                                       \
      ADD_FAILURE() << "no error from: " #statement;                      \
    } catch (const ::kolosal::Error& kolosal_error) {                     \
      EXPECT_EQ(::kolosal::error_name(kolosal_error.code()),              \
                ::kolosal::error_name(::kolosal::ErrorCode::error_code)); \
      EXPECT_THAT(std::string(kolosal_error.what()), message_matcher);    \
    }                                                                     \
  } while (false)

}  // namespace kolosal
