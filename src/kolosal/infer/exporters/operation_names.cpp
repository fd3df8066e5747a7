#include "kolosal/infer/exporters/operation_names.hpp"

#include <array>

namespace kolosal::infer::exporters {
namespace {

// In the order of the enumerations.
constexpr std::array<std::string_view, 29> kCellNames = {"constant",
                                                         "whole",
                                                         "fill",
                                                         "fill_nan",
                                                         "is_not_finite",
                                                         "is_nan",
                                                         "scale",
                                                         "clip",
                                                         "log1p",
                                                         "signed_log1p",
                                                         "float32",
                                                         "float32_bounded",
                                                         "zero_as_missing",
                                                         "minus",
                                                         "plus",
                                                         "times",
                                                         "over",
                                                         "over_reversed",
                                                         "or",
                                                         "ramp",
                                                         "sine",
                                                         "cosine",
                                                         "yeo_johnson",
                                                         "box_cox",
                                                         "above",
                                                         "quotient",
                                                         "sine_of_turns",
                                                         "cosine_of_turns",
                                                         "normal_of_rank"};
constexpr std::array<std::string_view, 15> kRowNames = {
    "sigmoid",         "softmax",     "exp",   "focal", "normalize",
    "class_factors",   "temperature", "platt", "beta",  "isotonic",
    "platt_per_class", "affine",      "clip",  "expm1", "sort"};

}  // namespace

std::string_view function_name(CellFunction function) {
  return kCellNames.at(static_cast<std::size_t>(function));
}

std::string_view function_name(RowFunction function) {
  return kRowNames.at(static_cast<std::size_t>(function));
}

}  // namespace kolosal::infer::exporters
