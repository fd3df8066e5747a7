#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace kolosal::transform {

// Estimates of mutual information in nats, as scikit-learn's mutual_info_*; never below 0. Numbers must be
// finite, and hardly any two of them equal: the estimates by nearest neighbours are of continuous numbers.

/// Of two lists of classes, by their table of counts.
double mutual_information_of_classes(std::span<const std::uint32_t> a, std::span<const std::uint32_t> b);

/// Of a number and a class, by the k nearest numbers within the class (Ross 2014). Classes of one row are
/// left out. O(n log n).
double mutual_information_of_number_and_class(std::span<const double> numbers,
                                              std::span<const std::uint32_t> classes, std::size_t k);

/// Of two numbers, by the k nearest points in the larger of both distances (Kraskov, Stoegbauer and
/// Grassberger 2004, first estimate). About O(n log n).
double mutual_information_of_numbers(std::span<const double> a, std::span<const double> b, std::size_t k);

}  // namespace kolosal::transform
