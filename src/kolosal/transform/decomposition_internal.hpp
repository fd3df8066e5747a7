#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "kolosal/core/context.hpp"

namespace kolosal::transform {

/// Eigenvalues of a symmetric n x n matrix, largest first, and their unit vectors, one per row.
struct SymmetricEigen {
  std::vector<double> values;
  std::vector<double> vectors;  ///< n x n, row by row
};
SymmetricEigen eigen_of(const std::vector<double>& matrix, std::size_t n);

/// Vectors of one length.
using Vectors = std::vector<std::vector<double>>;

/// A tall matrix known by its products alone, n_rows x n_columns.
struct LinearMap {
  std::size_t n_rows = 0;
  std::size_t n_columns = 0;
  std::function<Vectors(const Vectors&)> multiply;             ///< X v of vectors of n_columns
  std::function<Vectors(const Vectors&)> multiply_transposed;  ///< X^T u of vectors of n_rows
};

/// The k largest singular values, largest first, with their right singular vectors (n_columns long): by
/// random vectors and n_iterations power iterations (Halko, Martinsson and Tropp 2011). Vectors are signed by
/// fix_sign().
struct TopSingular {
  std::vector<double> values;
  Vectors vectors;
};
struct RandomizedParams {
  std::size_t k = 0;
  std::size_t n_oversamples = 10;
  std::size_t n_iterations = 4;
};
TopSingular randomized_svd(const LinearMap& x, const RandomizedParams& params, std::uint64_t seed);

/// Flips a vector whose entry of largest size (the first of equal ones) is negative, as scikit-learn's
/// svd_flip.
void fix_sign(double* vector, std::size_t n);

/// Makes the vectors orthonormal, in order (modified Gram-Schmidt, twice). One that depends on those before
/// it becomes 0.
void orthonormalize(Vectors& vectors);

}  // namespace kolosal::transform
