#pragma once

#include <cstdint>

#include "kolosal/data/frame.hpp"

namespace kolosal::data {

/// XXH64 over names, types and cells, in the order of columns and rows: tables that differ in a cell have
/// different fingerprints, but for a chance of 2^-64. Not cryptographic.
std::uint64_t fingerprint(const Frame& frame, std::uint64_t seed = 0);

}  // namespace kolosal::data
