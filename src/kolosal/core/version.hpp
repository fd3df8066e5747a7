#pragma once

#include <string_view>

namespace kolosal {

/// The version of the engine, as in CMakeLists.txt (a test compares them). Written into every model file.
inline constexpr std::string_view kVersion = "0.1.0";

}  // namespace kolosal
